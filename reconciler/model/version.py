"""Versions as numbers that can be compared: product builds, versions of components, REST versions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_LEADING: Final = re.compile(r"^(?:[0-9]+:)?([0-9]{1,18}(?:\.[0-9]{1,18})*)(?=[-+~ ]|$)")
_REST: Final = re.compile(r"v([0-9]{1,9})", re.IGNORECASE)


@lru_cache(maxsize=1024)
def version_numbers(text: str) -> tuple[int, ...]:
    """`8.0.11-rc.1` to (8, 0, 11). The epoch and revision of a package (`1:8.5.0.1014-2`) do not count. Text that does
    not begin with a version gives ()."""
    found = _LEADING.match(text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def build_number(text: str) -> tuple[int, ...]:
    """A product build: `version_numbers` without zeros at the end, so that 8.5 equals 8.5.0.0."""
    numbers = version_numbers(text or "")
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def rest_number(text: str) -> int:
    """`v8` to 8; 0 for anything else, such as `auto`."""
    found = _REST.fullmatch(text)
    return int(found[1]) if found else 0
