"""Cases of a target, drawn from a seed, and those that its reader cannot handle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.fuzz.targets import Target, survives

CASES = Path(__file__).parent / "cases"
MANY = 5
"""Failures of one target after which it is not tried further: they are often one."""


def failures(target: Target, count: int, seed: int, folder: Path) -> Iterator[tuple[bytes, str]]:
    """(bytes, how it failed) of each case that failed in a new way."""
    random = Random(f"{target.name}/{seed}")
    seen: set[str] = set()
    for _ in range(count):
        data = target.draw(random)
        why = survives(target, data, folder)
        if why and why.partition(":")[0] + why[-40:] not in seen:
            seen.add(why.partition(":")[0] + why[-40:])
            yield data, why
            if len(seen) == MANY:
                return
