"""Storms in simulated time, in separate processes, where threads are replaced. `make simulate` runs more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.length import length
from tests.simulation.events import Event, drawn, shrunk

_ROOT = Path(__file__).parents[2]
STEPS = os.environ.get("SIMULATED", "100000")
"""Of the storms of the matrices."""


def simulate(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.matrix
def test_storms() -> None:
    """Begins first of all (`conftest`), and goes on beside the others."""
    ended = simulate("--seed", "1", "--steps", STEPS, "--jobs", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 failures" in ended.stdout


@pytest.mark.matrix
def test_a_seed_gives_the_same_log_byte_for_byte() -> None:
    """Whatever ran before, and however the machine hashes."""
    for seed in ("5", "12"):
        logs = [simulate("--seed", seed, "--only", hash_seed=hashes).stdout for hashes in ("1", "2")]
        assert logs[0] == logs[1]
        assert len(logs[0].splitlines()) > 50


def test_some_cycles_of_watch_over_three_servers() -> None:
    """See `week`. The cycles without events at the end come to these."""
    _week("7", 3)


@pytest.mark.matrix
def test_a_week_of_watch_over_three_servers() -> None:
    _week("1", length(40, 500))


def _week(seed: str, cycles: int) -> None:
    ended = simulate("--seed", seed, "--week", str(cycles))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "everything held" in ended.stdout


def test_the_shortest_list_of_events_that_still_fails_is_found() -> None:
    events = drawn(Random(1), 40)
    needed = [events[7], events[31]]

    def fails(some: list[Event]) -> bool:
        return all(any(event is other for other in some) for event in needed)

    assert list(shrunk(events, fails))[-1] == needed
