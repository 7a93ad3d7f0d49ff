"""One storm from its beginning to its end."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from reconciler import randomness, timing
from tests.simulation.answers import answers, facts_read
from tests.simulation.events import Event, drawn
from tests.simulation.hosts import LAB
from tests.simulation.scheduler import scheduler
from tests.simulation.storm import Storm
from tests.simulation.world import Hand, World

EACH = 120
"""Events of a seed."""
_SIZES = (1, 2, 3, 5, 12, 40, 120)
_OFTEN = (30, 30, 20, 14, 5, 0.4, 0.05)
_REST = (8, 7, 6, 5)
_SERVED = (80, 10, 6, 4)


@dataclass(frozen=True)
class Beginning:
    """`organizations` of a world, of two or three proxies each, and the newest REST version that its server serves."""

    organizations: int
    rest: int = 8


def of_seed(seed: int, count: int = EACH) -> tuple[list[Event], Beginning]:
    """The events of a seed, and the world to which they happen."""
    random = Random(f"events of {seed}")
    beginning = Beginning(random.choices(_SIZES, _OFTEN)[0], random.choices(_REST, _SERVED)[0])
    return drawn(random, count), beginning


def answered(seed: int, folder: Path) -> dict[str, Any]:
    """What the world of a seed answers after an apply, and what its hosts report at the next observation."""
    folder.mkdir(parents=True)
    scheduler.reset(seed)
    with timing.replaced(scheduler), randomness.replaced(Random(seed)):
        storm = Storm(World(folder, Random(seed), 2))
        first = storm.applied()
        with facts_read() as facts:
            second = storm.applied()
        found = answers(Hand(storm.world).ask)
    return {"inventory": storm.world.wanted, "ended": [first, second], "answers": found, "facts": facts}


def run_storm(seed: int, events: Sequence[Event], folder: Path, beginning: Beginning) -> tuple[Storm, str]:
    """The storm, and what broke; empty if everything held."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scheduler.reset(seed)
    with timing.replaced(scheduler), randomness.replaced(Random(seed)):
        storm = Storm(World(folder, Random(seed), beginning.organizations, beginning.rest))
        broken = ""
        try:
            for event in events:
                storm.happen(event)
            storm.happen(Event("calm", 0.0, {}))
        except AssertionError as error:
            broken = f"{type(error).__name__}: {error}"
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            RuntimeError,
        ) as error:  # of the simulation itself, or the lab
            broken = "".join(traceback.format_exception(error)[-12:])
        storm.world.note(broken or "everything held")
        for run in storm.world.runs:  # also what has ended: a daemon thread of it may not have noticed yet
            scheduler.kill(run.process)
        scheduler.kill(storm.world.process)
        scheduler.kill(LAB)
        LAB.is_dead = False
    shutil.rmtree(folder, ignore_errors=True)
    return storm, broken
