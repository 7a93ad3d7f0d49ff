"""Text of an inventory as it may be shown: whatever may be a secret in plain text is masked.

A line is shown to explain a mistake, and the mistake may be that very secret: behind a colon without a blank, behind
an equals sign, in a name. The line may not even be valid YAML, so this works on text: too much masked does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from reconciler.inventory.schema import schema
from reconciler.model.secret import MASK

SENSITIVE: Final = frozenset({"certificates", "credentials", "secrets"})
"""Sections whose values may be secrets that went astray."""

_TELLING: Final = ("pas", "ps", "pw", "secret", "key", "token", "phrase")
_PAIR = re.compile(r"""(?<![\w.-])(?P<word>[\w.-]+)["']?\s*:(?!//)\s*""")
_REFERENCE = re.compile(r"""["']*secret://""")
_WITHOUT_COLON = re.compile(r"^[\s-]*(?:password|passphrase|passwd|secret|token)\s+", re.IGNORECASE)
_HARMLESS = frozenset({"host_keys", "keytab", "secrets"})  # a keytab is named by its path
_KEY_TEXT = re.compile(r"-----BEGIN|^\s*[A-Za-z0-9+/]{40,}={0,2}\s*$")
_GLUED = re.compile(r"""(?<![\w.\\-])(?P<word>[\w.\\-]+)(?P<sign>[:=])(?P<value>[^\s/\\:=\d"'`{}\[\],][^`]*)""")
"""A word with a colon or an equals sign and a value right behind it: `svc:hunter2`, `admin=hunter2:`. The value may
hold blanks: it ends with the quotation or the text."""
_ADDRESS = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_LOGIN = re.compile(r"""(?<![^\s"'`:/@])(?P<user>[^\s"'`:/@]+):(?P<value>[^\s"'`:/@]+)@""")
"""A login in front of the name of a host."""
_DIGESTS: Final = frozenset({"sha256", "sha1", "md5"})


def masked(line: str) -> str:
    """A line: `password: hunter2` as `password: ••••••`, to the end of the line; references (`secret://…`) stay."""
    if _KEY_TEXT.search(line):
        return MASK
    if found := _WITHOUT_COLON.match(line):
        return f"{line[: found.end()]}{MASK}" if line[found.end() :].strip() else line
    for found in _PAIR.finditer(line):
        precedes_secret = _tells(found["word"].lower()) and found.end() < len(line)
        if precedes_secret and not _REFERENCE.match(line, found.end()):
            return f"{masked_text(line[: found.end()])}{MASK}"
    return masked_text(line)


def masked_text(text: str) -> str:
    """A sentence: `CORP\\svc:hunter2` as `CORP\\svc:••••••`, and `svc:hunter2@host` as `svc:••••••@host`."""
    text = _LOGIN.sub(rf"\g<user>:{MASK}@", text)
    shown, place = "", 0
    while found := _GLUED.search(text, place):
        if end := _harmless_end(text, found):
            shown += text[place:end]
        else:
            shown += text[place : found.start("value")] + MASK
            end = found.end()
        place = end
    return shown + text[place:]


def masked_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Properties of an installer, sorted. They are meant to be public, and are shown unless they may be a secret."""
    return {name: masked(f"{name}: {value}").removeprefix(f"{name}: ") for name, value in sorted(properties.items())}


def _harmless_end(text: str, found: re.Match[str]) -> int:
    """Where something ends that only looks like a login: what is masked already, an IPv6 address, a known key, the name
    of a digest. 0 if it may be one."""
    value = found.start("value")
    if text.startswith(MASK, value):
        return value + len(MASK)
    if address := _ADDRESS.match(text, found.start()):
        return address.end()
    word = found["word"]
    return value if word.lower() in _DIGESTS or (found["sign"] == ":" and word in keys() and not _tells(word)) else 0


@cache
def keys() -> frozenset[str]:
    """Every key that an inventory can have."""
    return frozenset(_names(schema()))


def _tells(word: str) -> bool:
    """Whether a word says that a secret follows."""
    return word not in _HARMLESS and any(part in word for part in _TELLING)


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        properties = part.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for value in part.values():
            yield from _names(value)
    elif isinstance(part, list):
        for value in part:
            yield from _names(value)
