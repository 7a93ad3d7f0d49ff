"""How much of a matrix is run: in CI a sample, the same each time, and all of it with `LENGTH=all make matrices`."""

from __future__ import annotations

import os
from typing import Final, TypeVar

ALL: Final = os.environ.get("LENGTH") == "all"


T = TypeVar("T", int, float)


def length(sample: T, whole: T) -> T:
    """A number of cases, the distance between two of them, or seconds."""
    return whole if ALL else sample
