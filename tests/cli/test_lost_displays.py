"""A run whose reader goes away, whose log finds no room, or whose terminal hangs up: no step breaks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.journal import ChangeState, Journal, RunState
from tests.cli.test_interrupts import UNTIL_STOPPED, applying, states

pytestmark = pytest.mark.matrix

APPLY = """
import os, sys
from pathlib import Path
import pytest
from reconciler.apply.steps import RUN
from reconciler.cli.boundary import run
from reconciler.journal import Journal
from tests.cli.running import FakeWorld, install, inventory
from tests.cli.test_turn import change, plan

if len(sys.argv) > 2:
    os.login_tty(int(sys.argv[2]))

closed = Path(sys.argv[1] + ".closed").exists

def do(context, step, report):
    {first}
    report("news")
    report("more news")

with pytest.MonkeyPatch.context() as patch, Journal.open(Path(sys.argv[1])) as journal:
    world = FakeWorld([plan(change("daily"), change("weekly", "daily")), plan()], inventory("daily", "weekly"))
    world.journal = journal
    install(patch, world)
    patch.setitem(RUN, "job.run", do)
    code = run(["apply", "x.yml", "--auto-approve"])
sys.exit(code)
"""


def command(place: Path, first: str = "pass", *more: str) -> list[str]:
    return [sys.executable, "-c", APPLY.format(first=first), str(place), *more]


@contextmanager
def closed_pipe() -> Iterator[int]:
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    try:
        yield writing_end
    finally:
        os.close(writing_end)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def assert_whole(place: Path) -> None:
    with Journal.open(place) as journal:
        assert states(journal) == (RunState.DONE, [ChangeState.DONE, ChangeState.DONE])
        assert journal.locks.list() == []


def test_messages_that_nobody_reads_are_silence(place: Path) -> None:
    with closed_pipe() as nowhere:
        ended = subprocess.run(
            command(place), stdout=subprocess.PIPE, stderr=nowhere, text=True, timeout=60, check=False
        )
    assert "Applied: 2 done, 0 failed" in ended.stdout
    assert "Verified: no differences remain." in ended.stdout
    assert ended.returncode == 0
    assert_whole(place)


WAITS = "import time; Path(sys.argv[1] + '.began').touch(); [time.sleep(0.01) for _ in iter(closed, True)]"
"""Until the test has closed its end."""


def test_a_reader_of_both_streams_that_goes_away_stops_nothing(place: Path) -> None:
    """`apply 2>&1 | head -1`"""
    began, closed = Path(f"{place}.began"), Path(f"{place}.closed")
    with subprocess.Popen(
        command(place, WAITS), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as process:
        assert process.stdout is not None
        while not began.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.stdout.close()
        closed.touch()
        assert process.wait(timeout=30) == 141
    assert_whole(place)


def test_a_plan_that_nobody_reads_is_not_applied(place: Path) -> None:
    with closed_pipe() as nowhere:
        ended = subprocess.run(command(place), stdout=nowhere, stderr=nowhere, timeout=60, check=False)
    assert ended.returncode == 141
    with Journal.open(place) as journal:
        assert journal.runs() == []
        assert journal.locks.list() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_under_the_log_stops_nothing_and_is_reported(place: Path) -> None:
    full = "full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, 1)"
    ended = subprocess.run(command(place, full), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "standard output: No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert_whole(place)


def test_a_session_that_ends_is_a_request_to_stop(place: Path) -> None:
    with applying(place, UNTIL_STOPPED) as process:
        process.send_signal(signal.SIGHUP)
        while "Nothing else is started" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)  # the shell and the kernel both send one
        out, err = process.communicate()
    assert process.wait() == 143
    assert "Applied: 1 done, 0 failed, 0 skipped, 1 not started." in out
    assert "Traceback" not in err
    assert_stopped(place)


def test_a_terminal_that_hangs_up_is_a_request_to_stop(place: Path) -> None:
    """Progress is drawn on the terminal, by a separate thread, while it goes away."""
    ours, theirs = os.openpty()
    began = Path(f"{place}.began")
    waits = "Path(sys.argv[1] + '.began').touch(); context.stop.wait(30)"
    with subprocess.Popen(
        command(place, waits, str(theirs)), pass_fds=[theirs], env={**os.environ, "TERM": "xterm", "CI": ""}
    ) as process:
        os.close(theirs)
        os.set_blocking(ours, False)
        while not began.exists():
            with suppress(BlockingIOError):
                os.read(ours, 65536)
            assert process.poll() is None
        os.close(ours)
        assert process.wait(timeout=30) == 143
    assert_stopped(place)


def assert_stopped(place: Path) -> None:
    with Journal.open(place) as journal:
        assert states(journal) == (RunState.INTERRUPTED, [ChangeState.DONE, ChangeState.NOT_STARTED])
        assert journal.locks.list() == []
