"""Signals during an apply, sent to a separate process: it stops in order, or at once, and never with a traceback."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from reconciler.cli.boundary import run
from reconciler.cli.console import Console
from reconciler.cli.group import Command
from reconciler.cli.interrupts import Interrupts
from reconciler.journal import ChangeState, Journal, RunState
from reconciler.operations.events import Locked
from tests.started import Piped, piped

WAITING = (
    "Nothing else is started: the run was interrupted."
    " Waiting for 1 running change to finish (Ctrl-C again stops now).\n"
)

APPLY = """
import sys
from pathlib import Path
import pytest
from reconciler.apply.steps import RUN
from reconciler.cli.boundary import run
from reconciler.cli.interrupts import Interrupts
from reconciler.journal import Journal
from tests.cli.running import FakeWorld, install, inventory
from tests.cli.test_turn import change, plan

def do(context, step, report):
    sys.stdout.write("begun\\n"); sys.stdout.flush()
    {waits}

with pytest.MonkeyPatch.context() as patch, Journal.open(Path(sys.argv[1])) as journal:
    world = FakeWorld([plan(change("daily"), change("weekly", "daily")), plan()], inventory("daily", "weekly"))
    world.journal = journal
    install(patch, world)
    patch.setitem(RUN, "job.run", do)
    code = run(["apply", "x.yml", "--auto-approve"])
sys.exit(code)
"""
UNTIL_STOPPED = "context.stop.wait(30)"
FOR_LONG = "import time; time.sleep(60)"


@contextmanager
def applying(place: Path, waits: str) -> Iterator[Piped]:
    """An apply that is inside of its first step."""
    code = APPLY.format(waits=waits)
    with piped(str(place), folder=place.parent, environment=os.environ, code=code) as process:
        while process.stdout.readline() != "begun\n":
            assert process.poll() is None
        yield process


def states(journal: Journal) -> tuple[RunState, list[ChangeState]]:
    (run,) = journal.runs()
    return run.state, [change.state for change in journal.run(run.id).changes]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_lets_the_step_end(place: Path, number: signal.Signals, code: int) -> None:
    with applying(place, UNTIL_STOPPED) as process:
        process.send_signal(number)
        out, err = process.communicate()
    assert process.wait() == code
    assert "Applied: 1 done, 0 failed, 0 skipped, 1 not started." in out
    assert WAITING in err
    assert "Traceback" not in err
    with Journal.open(place) as journal:
        assert states(journal) == (RunState.INTERRUPTED, [ChangeState.DONE, ChangeState.NOT_STARTED])
        assert journal.locks.list() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_leaves_at_once_and_says_what_was_in_flight(
    place: Path, number: signal.Signals, code: int
) -> None:
    with applying(place, FOR_LONG) as process:
        process.send_signal(number)
        while "Nothing else is started" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate()
    assert process.wait() == code
    assert "Still running when the run ended; the next plan shows the results:\n  job.daily  run job daily\n" in out
    assert "Applied: 0 done, 0 failed, 0 skipped, 1 not started, 1 in flight." in out, "as `runs show` counts"
    assert "Traceback" not in err
    with Journal.open(place) as journal:
        assert states(journal) == (RunState.INTERRUPTED, [ChangeState.IN_FLIGHT, ChangeState.NOT_STARTED])
        assert journal.locks.list() == []


def test_any_number_of_signals_ends_without_a_traceback(place: Path) -> None:
    with applying(place, FOR_LONG) as process:
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, err = process.communicate()
    assert process.wait() == 130
    assert "Traceback" not in err


class _Untidy:
    """Something that a signal meets while Python cleans it up: what is raised there is dropped."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def _dropped() -> None:
    untidy = _Untidy()
    del untidy


def test_a_signal_that_python_drops_ends_the_command_all_the_same() -> None:
    left = Event()
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        left.set()

    with Interrupts(leave=leave):
        _dropped()
        assert left.wait(30)
    assert codes == [130]


def test_a_dropped_signal_stops_a_run_in_order() -> None:
    heard, left = Event(), Event()
    with Interrupts(leave=lambda _: left.set()) as interrupts:
        _dropped()
        with interrupts.redirected(heard.set):
            for thread in threading.enumerate():
                if isinstance(thread, threading.Timer):
                    thread.join(30)
    assert heard.is_set()
    assert not left.is_set()


@pytest.mark.parametrize(
    ("lock", "said"),
    [("", "Interrupted."), ("vbo", "Interrupted. The lock of vbo is not released; it expires within a minute.")],
)
def test_who_leaves_late_says_what_is_left(lock: str, said: str) -> None:
    left = Event()
    console = Console(out=io.StringIO(), err=io.StringIO(), environment={})
    console.interrupts = Interrupts(leave=lambda _: left.set())
    assert run(["completion", "bash"], console) == 0
    console.hear(Locked(lock))
    with console.interrupts:
        _dropped()
        assert left.wait(30)
    assert isinstance(console.err, io.StringIO)
    assert console.err.getvalue().strip() == said


def test_a_signal_that_python_drops_is_told_before_anything_is_begun(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[int] = []
    with Interrupts() as interrupts:
        _dropped()
        with interrupts.redirected(lambda: heard.append(interrupts.count)):
            assert heard == [1]
    assert heard == [1]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("working", "said"), [(False, "Interrupted. Nothing was changed."), (True, "Interrupted.")])
def test_an_interrupt_before_the_first_change_says_so(
    working: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(out=io.StringIO(), err=io.StringIO(), environment={})

    def invoke(*_: object) -> None:
        console.hear(Locked("vbo"))
        console.working = working
        raise KeyboardInterrupt

    monkeypatch.setattr(Command, "invoke", invoke)
    assert run(["completion", "bash"], console) == 130
    assert isinstance(console.err, io.StringIO)
    assert console.err.getvalue().strip() == said
