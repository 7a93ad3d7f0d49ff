"""Broken copies of samples: bytes and lines are moved about, and values of JSON put in places of others."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 1e308, 10**30, -(10**30), "", " ", "0", "null", "\0", "\ud800", "\x1b[2J"),
    *([], {}, [[]], {"": ""}, [None], "x" * 5000, "::error::x", "\u202e", "é", "9" * 400, "2026-13-45T99:99:99Z"),
    *("secret://env/X", "../..", "http://[", "[::1", "kind.name", "a..b", "%s%n", "{0}", "\r\n", float("inf")),
)
SNIPPETS = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\n", b"\r", b"\t", b" ", b"{", b"}", b"[", b"]", b'"', b"'"),
    *(b":", b": ", b",", b"- ", b"#", b"&a ", b"*a", b"!", b"!!python/object:x ", b"|\n", b"<<: ", b"---\n", b"..."),
    *(
        b"null",
        b"true",
        b"-1",
        b"1e999",
        b"0x",
        b"9" * 50,
        b"\\u0000",
        b"\\ud800",
        b"%00",
        b"@revoked ",
        b"@cert-authority ",
    ),
    *(
        b"@cert-authority ",
        b"|1|",
        b"==",
        b"AAAA",
        b"\x1b]0;x\x07",
        b"=?utf-8?q?=00?=",
        b"Content-Type: x/y; boundary=",
        b"secret://",
    ),
)


def broken(samples: Sequence[bytes], random: Random) -> bytes:
    """One sample after one to six changes of its bytes."""
    data = bytearray(random.choice(samples))
    for _ in range(random.randint(1, 6)):
        _change(data, samples, random)
    return bytes(data)


def _change(data: bytearray, samples: Sequence[bytes], random: Random) -> None:
    at, length = random.randrange(len(data) + 1), random.choice((1, 1, 2, 4, 16, 64))
    match random.randrange(7):
        case 0:
            data[at : at + length] = b""
        case 1:
            data[at:at] = random.choice(SNIPPETS)
        case 2:
            data[at : at + length] = bytes(random.randrange(256) for _ in range(length))
        case 3:
            data[at:at] = data[at : at + length] * random.choice((1, 2, 50))
        case 4:
            lines = bytes(data).splitlines(keepends=True)
            random.shuffle(lines) if random.random() < 0.2 else lines[:: random.choice((1, -1))]
            data[:] = b"".join(lines)
        case 5:
            other = random.choice(samples)
            start = random.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + random.choice((8, 64, 512))]
        case _:
            del data[at:]


def bent(samples: Sequence[Any], random: Random) -> Any:
    """One sample of JSON data after one to four values were replaced, dropped, repeated or moved."""
    data = copy.deepcopy(random.choice(samples))
    for _ in range(random.randint(1, 4)):
        places = list(_places(data))
        if not places:
            return random.choice(ODD)
        holder, key = random.choice(places)
        match random.randrange(5):
            case 0 | 1:
                holder[key] = copy.deepcopy(random.choice(ODD))
            case 2:
                del holder[key]
            case 3:
                other, name = random.choice(places)
                holder[key] = copy.deepcopy(other[name])
            case _:
                deep: Any = holder[key]
                for _ in range(random.choice((1, 3, 150))):
                    deep = [deep] if random.random() < 0.5 else {"a": deep}
                holder[key] = deep
    return data


def as_bytes(data: Any) -> bytes:
    try:
        return json.dumps(data).encode()
    except RecursionError:
        return b"[" * 5000


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of JSON data, as the map or list that holds it and its key there."""
    todo = [data]
    while todo:
        node = todo.pop()
        keys: Any = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            yield node, key
            todo.append(node[key])
