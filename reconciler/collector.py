"""The garbage collector, which walks over every object again and again while many are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_OBJECTS: Final = 20_000
"""New objects between two collections: the default of 700 costs a sixth of a plan of thousands of proxies."""


def collect_seldom() -> None:
    """For a process that makes many objects and few cycles."""
    gc.set_threshold(_OBJECTS)


@contextmanager
def collector_paused() -> Iterator[None]:
    """For work that makes many objects and few cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
