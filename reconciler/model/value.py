"""Values of fields: plain JSON data, and the one value that is not data: `UNKNOWN`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final


class Unknown(Enum):
    """Not observable: neither equal to nor different from anything. Nothing is ever planned from it."""

    UNKNOWN = "?"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = Unknown.UNKNOWN

Value = str | int | float | bool | None | list[Any] | Mapping[str, Any] | Unknown


def differs(one: object, other: object) -> bool:
    """Whether two values differ in something that is known of both. Parts of maps may be unknown."""
    if one is UNKNOWN or other is UNKNOWN:
        return False
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return any(differs(one.get(name), other.get(name)) for name in {*one, *other})
    return one != other


def known(value: Any) -> Any:
    """`value` without the unknown parts of a map."""
    return {name: part for name, part in value.items() if part is not UNKNOWN} if isinstance(value, Mapping) else value


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def canonical(value: object) -> str:
    """Compact JSON with sorted keys: equal values give equal text, whatever the order they were written in."""
    return _CANONICAL.encode(value)


COMMAND: Final = re.compile(r"##(?=[A-Za-z]*\[)")
"""What pipelines take for a command anywhere in a line of a log: `##vso[…]`, `##[…]`."""


def json_text(value: object, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON that a terminal or the log of a pipeline may show: ASCII, and no command for a pipeline. The values are the
    same."""
    return COMMAND.sub(r"#\\u0023", json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=True))


def digest(value: object) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
