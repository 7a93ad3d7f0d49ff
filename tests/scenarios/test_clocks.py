"""Clocks of hosts are compared with the clock of the management server, whatever the one of this machine shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Ended, call

pytestmark = pytest.mark.matrix
SMALL = str(Path(__file__).parents[2] / "inventories" / "small.yml")


def test_a_wrong_clock_of_the_server_is_found_and_one_of_this_machine_is_not(tmp_path: Path) -> None:
    def run(*arguments: str) -> Ended:
        return call(*arguments, environment={"TERM": "dumb", "XDG_STATE_HOME": str(tmp_path)})

    assert "clock is" not in run("plan", "--lab", SMALL).out
    run("lab", "set", "server", "clock_minutes=12", "--inventory", SMALL)
    assert "clock is -12 min (required: within 4 min)" in run("plan", "--lab", SMALL).out
    checked = run("doctor", "--lab", SMALL).out
    assert "12 minutes ahead of this machine" in checked
    run("lab", "set", "px-1", "clock=720", "--inventory", SMALL)  # now it is this machine that differs from both
    assert "clock is" not in run("plan", "--lab", SMALL).out
