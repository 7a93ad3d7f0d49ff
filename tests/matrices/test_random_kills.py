"""A small sample of kills at random moments; see `random_kills` for many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.matrices.random_kills import VICTIMS, Sample

pytestmark = pytest.mark.matrix


def test_an_apply_that_is_killed_at_a_random_moment_is_finished_by_the_next_one(tmp_path: Path) -> None:
    sample = Sample(count=len(VICTIMS), seed=1, worlds=("new",))
    found = list(sample.run(tmp_path))
    assert [f"{kill}: {problem}" for kill, _, wrong in found for problem in wrong] == []
    assert {kill.victim for kill, _, _ in found} == set(VICTIMS)
