"""Drawn worlds: what is planned and written is what it was, and what is applied converges.

`python -m tests.worlds` writes the cases anew, where a plan is meant to change: the difference is for reviewers.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.plan import Action
from tests.worlds.history import CASES, SEEDS, changed, history
from tests.worlds.world import World


@pytest.mark.parametrize("seed", [*SEEDS[::2], *(pytest.param(seed, marks=pytest.mark.matrix) for seed in SEEDS[1::2])])
def test_plans_of_a_drawn_world(seed: int, tmp_path: Path) -> None:
    answer = list(history(seed, tmp_path))
    assert answer == (CASES / f"{seed:03}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    "seed", [*range(100, 130), *(pytest.param(seed, marks=pytest.mark.matrix) for seed in range(130, 160))]
)
def test_what_is_applied_converges(seed: int, tmp_path: Path) -> None:
    """Nothing is left to do but what is blocked, what would leave an organization without a working proxy, what waits
    for these, and the jobs that every apply starts."""
    world, wanted = changed(seed, tmp_path)
    if wanted is None:
        return
    foreign = _foreign(world)
    for _ in range(3):
        world.apply(wanted)
    stuck = {key for key, end in world.result.outcomes.items() if end.outcome.value != "done"}
    left = world.plan(wanted).changes
    assert [item.key for item in left if item.key not in stuck and item.action is not Action.RUN] == []
    assert _foreign(world) == foreign


def _foreign(world: World) -> list[dict[str, object]]:
    """What was put on the server by hand, and does not carry the mark of the inventory."""
    items = [item for part in world.server.data.values() for item in part.values()]
    return [dict(item) for item in items if "by-hand" in str(item.get("name")) and ":world]" not in item["description"]]
