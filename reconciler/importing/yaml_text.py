"""Data as the text of YAML, as a person writes it: a short entry on one line, a long one as a block.

A text is quoted unless every reader of YAML takes it for that text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

LINE: Final = 120
"""Characters of a line that holds a map or list."""

_PLAIN: Final = re.compile(
    r"(?:[A-Za-z_/]|\.\.?/)(?:[A-Za-z0-9_./@+() -]*[A-Za-z0-9_./@+()-])?"
    r"|[0-9]+ [A-Za-z/]+"
    r"|[0-9]+(?:\.[0-9]+){3}"
    r"|(?:secret|https?)://[A-Za-z0-9_./:-]*[A-Za-z0-9_./-]"
)
_WORDS: Final = frozenset(("n", "no", "null", "off", "on", "true", "false", "y", "yes"))
"""What YAML 1.1 or 1.2 does not read as text, in any letter case."""


def scalar(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if all(char.isprintable() for char in text):
        return "'" + text.replace("'", "''") + "'"
    return _escaped(text)


def _escaped(text: str) -> str:
    """A text with characters that cannot be printed. JSON would write those beyond U+FFFF as two."""
    return '"' + "".join(char if char.isprintable() and char not in '"\\' else _escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    code = ord(char)
    if char in '"\\':
        return f"\\{char}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def lines(key: str, value: Any, indent: str = "") -> Iterator[str]:
    """A key with its value: on one line if it fits, else the value below the key, on one line or as a block."""
    line = f"{indent}{scalar(key)}: {flow(value)}"
    if len(line) <= LINE or not value or not isinstance(value, Mapping | list | tuple):
        yield line
        return
    yield f"{indent}{scalar(key)}:"
    below = f"{indent}  {flow(value)}"
    if len(below) <= LINE:
        yield below
    elif isinstance(value, Mapping):
        for inner, part in value.items():
            yield from lines(str(inner), part, f"{indent}  ")
    else:
        yield from (f"{indent}  - {flow(part)}" for part in value)


def section(name: str, entries: Mapping[str, Any]) -> Iterator[str]:
    """A section of an inventory: its entries one below the other."""
    yield f"{name}:"
    for key, value in entries.items():
        yield from lines(key, value, "  ")
