"""Product builds as numbers that can be compared."""

from __future__ import annotations

import re


def build_number(text: str) -> tuple[int, ...]:
    """`8.5.0.1014` to (8, 5, 0, 1014), for comparing. Text that is not a build gives ()."""
    return tuple(int(part) for part in text.split(".")) if re.fullmatch(r"\d+(\.\d+)*", text or "") else ()
