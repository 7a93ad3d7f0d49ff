"""Product builds as numbers that can be compared."""

from __future__ import annotations

import re

_LEADING = re.compile(r"^(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)(?=[-+~ ]|$)")


def build_number(text: str) -> tuple[int, ...]:
    """`8.5.0.1014` to (8, 5, 0, 1014), for comparing. The epoch and revision of a package (`1:8.5.0.1014-2`) do not
    count, and neither do zeros at the end. Text that is not a build gives ()."""
    found = _LEADING.match(text or "")
    parts = [int(part) for part in found[1].split(".")] if found else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
