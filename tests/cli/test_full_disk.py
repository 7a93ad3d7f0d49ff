"""A journal that finds no room any more stops the apply before its next step, and says which file it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.journal import ChangeState, Journal, RunState
from tests.cli.test_interrupts import APPLY

FULL = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""
"""From the first step on no file can be written."""


@pytest.mark.matrix
def test_a_full_disk_stops_the_run_before_its_next_step(tmp_path: Path) -> None:
    place = tmp_path / "journal.db"
    command = [sys.executable, "-c", APPLY.format(waits=FULL.strip()), str(place)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stdout.count("begun\n") == 1
    assert "Applied: 1 done, 0 failed, 0 skipped, 1 not started." in ended.stdout
    assert "Nothing else is started: the journal cannot be written." in ended.stderr
    assert "Error: The journal cannot be used" in ended.stderr
    assert str(place) in ended.stderr
    assert "Traceback" not in ended.stderr
    with Journal.open(place) as journal:  # there is room again
        (run,) = journal.runs()
        assert run.state in (RunState.RUNNING, RunState.KILLED)
        assert [change.state for change in journal.run(run.id).changes] == [
            ChangeState.IN_FLIGHT,
            ChangeState.NOT_STARTED,
        ]
