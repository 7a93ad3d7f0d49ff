"""How much of a matrix is run: in CI a sample, the same each time, and all of it with `LENGTH=all make matrices`."""

from __future__ import annotations

import os
from typing import Final

ALL: Final = os.environ.get("LENGTH") == "all"


def length(sample: int, whole: int) -> int:
    """A number of cases, or the distance between two of them."""
    return whole if ALL else sample
