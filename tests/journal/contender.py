"""What other processes do in the tests: contend for a lock, write until they are killed, run into limits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.journal import Journal, JournalError, Locks
from reconciler.model.event import StepDone, StepStarted
from tests.journal.samples import WHO, key, plan, started


def contend(place: str, log: str, processes: str, times: str) -> None:
    """So many processes, forked once everything is imported, each so many times inside."""
    Journal.open(place).close()
    fork = get_context("fork")
    others = [fork.Process(target=_go_in, args=(place, log, int(times))) for _ in range(int(processes))]
    for other in others:
        other.start()
    for other in others:
        other.join()
    _say(" ".join(str(other.exitcode) for other in others))


def _go_in(place: str, log: str, times: int) -> None:
    """Take the lock and leave a mark on going in and on going out; the holder inside finds the counter unchanged."""
    counter = Path(log).with_suffix(".count")
    with Journal.open(place) as journal:
        locks = Locks(journal.store, journal.new_id, sleep=lambda seconds: time.sleep(seconds / 20))
        for _ in range(times):
            with locks.acquire("vbo01", owner=f"process {os.getpid()}", operation="apply", timeout=600) as lock:
                before = int(counter.read_text())
                _mark(log, f"in {lock.id}")
                lock.renew()
                lock.raise_if_lost()
                time.sleep(0.002)
                counter.write_text(str(before + 1))
                _mark(log, f"out {lock.id}")


def write(place: str) -> None:
    """Say on standard output what is on disk: the intent of each step, and its end."""
    names = [f"px-{number}" for number in range(1000)]
    with Journal.open(place) as journal:
        run = journal.begin(plan(*names), WHO)
        _say(run.id)
        for name in names:
            started(run, name)
            _say(f"began {key(name)}")
            run.listen(StepDone(key(name), 0, "step 0", 0.5))
            _say(f"done {key(name)}")


def hold(place: str, lease: str) -> None:
    """Take the lock and keep it, until killed."""
    with Journal.open(place) as journal:
        lock = journal.locks.acquire("vbo01", owner="the dead", operation="apply", lease=float(lease))
        _say(lock.id)
        time.sleep(600)


def outgrow(place: str, limit: str) -> None:
    """Write with a limit on the size of files, and report the error."""
    import resource

    with Journal.open(place) as journal:
        run = journal.begin(plan("a", "b"), WHO)
        _say(run.id)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        try:
            for number in range(10_000):
                run.permit(StepStarted(key("a"), number, "x" * 1000))
                _say(f"began {number}")
        except JournalError as error:
            _say(f"{error.code}: {error} | {error.hint}")


def trespass(place: str) -> None:
    """Open a journal where only others may. Root may do everything, so it becomes an ordinary user first."""
    with TemporaryDirectory() as folder:
        Journal.open(Path(folder) / "journal.db").close()  # everything is imported while it can be read
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        Journal.open(place).close()
    except JournalError as error:
        _say(error.code)


def _mark(log: str, text: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    TASKS: dict[str, Callable[..., None]] = {
        "contend": contend,
        "write": write,
        "hold": hold,
        "outgrow": outgrow,
        "trespass": trespass,
    }
    TASKS[sys.argv[1]](*sys.argv[2:])
