"""A small sample of kills of `watch --apply` at random moments; see `watch_kills` for many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.length import length
from tests.matrices.watch_kills import Sample

pytestmark = pytest.mark.matrix


def test_a_watch_that_is_killed_while_it_applies_goes_on_and_tells_everything_once(tmp_path: Path) -> None:
    sample = Sample(count=length(1, 50), seed=1, worlds=("outdated",))
    assert [f"{kill}: {problem}" for kill, _, wrong in sample.run(tmp_path) for problem in wrong] == []
