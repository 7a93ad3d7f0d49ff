"""What a server has and an inventory does not say, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from reconciler.render.style import clean
from reconciler.render.values import text_of


def undeclared_text(found: Mapping[str, Any]) -> str:
    """`found` is the same as JSON data."""
    return "".join(f"{clean(line)}\n" for line in _lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    server, objects = found["server"], found["undeclared"]
    for item in objects:
        name = "" if item["address"].endswith(item["name"]) else f"  ({item['name']})"
        owner = f"  owned by {item['owner']}" if item["owner"] else ""
        yield f"  {item['address']}{name}{owner}"
    yield f"{_count(len(objects), 'object')} on {server} not declared."
    if found["differing"]:
        yield f"Different on {server}:"
        for address, fields in groupby(found["differing"], key=lambda item: item["address"]):
            yield f"  {address}"
            for item in fields:
                yield f"    {item['path']}: {text_of(item['server'])}, declared is {text_of(item['declared'])}"
    if found["missing"]:
        yield f"Declared, and not on {server}:"
        yield from (f"  {address}" for address in found["missing"])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
