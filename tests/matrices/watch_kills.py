"""Cycles of `watch --apply` that are killed at random moments; then more cycles.

    python -m tests.matrices.watch_kills [--count 50] [--seed 1] [--parallel 2] [--only NUMBER]

Moments and victims are those of `random_kills`. Whatever the moment, the next cycles make what `policy.auto` allows and
nothing else: the plan is the one that a cycle leaves that nothing interrupted, the server has the same objects and no
proxy in maintenance mode, no job ran twice, no lock is held, and a receiver of notices that drops ids that it has seen
gets every change of state once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from tests.matrices import kill_worlds, killing
from tests.matrices.random_kills import Kill, Moments, ended, forked, killed, lab_apart, server_state
from tests.scenarios.rehearsal import Rehearsal

VICTIMS: Final = ("client", "both", "one process")
_WORLDS: Final = {"new": kill_worlds.new, "outdated": kill_worlds.outdated}
_RULES: Final = (
    "policy:\n"
    "  auto:\n"
    "    - {actions: [create, update, upgrade, run],\n"
    "       addresses: ['organization.*', 'proxy.*', 'pool.*', 'repository.*',\n"
    "                   'job.*', 'host.*', certificate, smtp]}\n"
)
"""Everything but copy jobs."""
_COPY: Final = "repository: northwind-copies, schedule: immediate}"
_EDITED: Final = "repository: northwind-copies, schedule: {daily: '04:00'}}"
_CYCLES: Final = 4
"""Cycles after the kill. The first clears up; the next are made until nothing is left that is allowed."""
_LIMIT: Final = 300


@dataclass
class Found:
    """What there is afterwards. `jobs` is how often each ran, `notices` the messages that the receiver got."""

    first: int = 0
    cycles: int = 0
    said: str = ""
    left: list[str] = field(default_factory=list)
    objects: dict[str, list[str]] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    drained: list[str] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    pending: int = 0
    notices: list[dict[str, Any]] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    moments: int = 0
    between: float = 0.0


@contextmanager
def receiver(file: Path) -> Iterator[str]:
    """A webhook in a separate process that writes what it gets into `file`. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        pid = forked(lambda: _receive(listening, file))
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _receive(listening: socket.socket, file: Path) -> int:
    while True:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as stream:
                _answer(connection, stream, file)


def _answer(connection: socket.socket, stream: Any, file: Path) -> None:
    stream.readline()
    length = 0
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    body = stream.read(length)
    if len(body) == length:
        with file.open("ab") as log:
            log.write(body + b"\n")
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def _cycle(folder: Path, hook: str, moments: Moments | None = None) -> int:
    """One cycle. Claims of notices end at once: the next cycle is as one some minutes later."""
    world = Rehearsal(folder)
    asked = ("watch", "--lab", str(world.file), "--apply", "--once", "--notify-url", hook)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconciler.watching.delivery._CLAIM", timedelta(0))
        if moments is None:
            shown = world.run(*asked)
        else:
            with moments.counted():
                shown = world.run(*asked)
            moments.save()
    with (folder / "said.log").open("a", encoding="utf-8") as said:
        said.write(shown.err)
    return shown.code


def cycles(folder: Path, base: Path, kill: Kill | None = None) -> Found:
    """What is found after a kill, or after cycles that nothing interrupts."""
    began, found = datetime.now(UTC).isoformat(), Found()
    shutil.copytree(base, folder)
    with receiver(folder / "notices.log") as hook:
        if kill is not None:
            found.first = killed(kill, folder, lambda moments: _cycle(folder, hook, moments))
        else:
            moments = Moments(folder / "moments.log", 0, 0, lambda: None)
            with lab_apart(folder):
                at = time.monotonic()
                found.first = ended(forked(lambda: _cycle(folder, hook, moments)))
                seconds = time.monotonic() - at
            found.moments = int((folder / "moments.log").read_text(encoding="utf-8"))
            found.between = seconds / found.moments
        _go_on(folder, hook, found)
    _look(folder, began, found)
    shutil.rmtree(folder)
    return found


def _go_on(folder: Path, hook: str, found: Found) -> None:
    with lab_apart(folder):
        before = None
        while found.cycles < _CYCLES and (before is None or found.left != before):
            before = found.left if found.cycles else None
            if code := ended(forked(lambda: _cycle(folder, hook))):
                found.said += f"a cycle ended with {code}\n"
            found.left = killing.fork(lambda: [change["key"] for change in Rehearsal(folder).plan()["changes"]])
            found.cycles += 1


def _look(folder: Path, began: str, found: Found) -> None:
    found.objects, _ = server_state(folder, began)
    (file,) = (folder / "state" / "vbo-reconcile" / "lab").glob("*/server.json")
    state = json.loads(file.read_text(encoding="utf-8"))
    names = {key: item["name"] for key, item in state["jobs"].items()}
    ran = Counter(
        names.get(item["jobId"], "") for item in state["sessions"].values() if item["creationTime"] >= began[:19]
    )
    found.jobs = dict(ran)
    found.drained = [
        str(item["hostName"]) for item in state["proxies"].values() if item["maintenanceModeState"] != "Disabled"
    ]
    found.said += (folder / "said.log").read_text(encoding="utf-8")
    log = folder / "notices.log"
    found.notices = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
    found.locks, found.pending, found.touched = killing.fork(lambda: _journal(folder))


def _journal(folder: Path) -> tuple[list[str], int, list[str]]:
    """The locks that are held, the notices that were not sent, and the changes that automatic applies began. The lock
    of a process that is gone is free: who comes next takes it over."""
    from reconciler.journal import Journal

    (place,) = folder.rglob("journal.db")
    with Journal.open(place) as journal:
        runs = [journal.run(run.id) for run in journal.runs(100, "watch")]
        begun = {change.key for run in runs for change in run.changes if change.started is not None}
        names = {notice for run in runs for notice in (run.inventory,)}
        pending = sum(journal.outbox.pending(name) for name in names)
        held = [holder.name for holder in journal.locks.list() if journal.locks.held(holder.key)]
        return held, pending, sorted(begun)


def problems(found: Found, expected: Found, *, alone: bool) -> Iterator[str]:
    """What is not as it should be. With `alone` the server was not killed, so no job has a reason to run again."""
    if found.left != expected.left:
        yield f"the plan has {found.left}, not {expected.left}: {found.said[-3000:]}"
    if found.objects != expected.objects:
        yield f"the server has {found.objects}, not {expected.objects}"
    if found.drained or found.locks or found.pending:
        yield f"in maintenance: {found.drained}, locks: {found.locks}, notices not sent: {found.pending}"
    if missing := sorted(set(expected.jobs) - set(found.jobs)):
        yield f"did not run: {missing}"
    twice = sorted(name for name, times in found.jobs.items() if times > expected.jobs.get(name, 0))
    if alone and twice:
        yield f"ran more often than {expected.jobs}: {twice} of {found.jobs}"
    if beyond := [key for key in found.touched if ":copy_job." in key]:
        yield f"outside of the policy: {beyond}"
    yield from _wrong_notices(found.notices)


def _wrong_notices(notices: Sequence[dict[str, Any]]) -> Iterator[str]:
    by_id: dict[str, dict[str, Any]] = {}
    for notice in notices:
        if by_id.setdefault(notice["id"], notice) != notice:
            yield f"notice {notice['id']} came with two contents"
    sent = Counter((item["incident"], item["change"]) for notice in by_id.values() for item in notice["transitions"])
    if twice := [key for key, times in sent.items() if times > 1]:
        yield f"sent twice: {twice}"
    opened = {incident for incident, change in sent if change in ("opened", "flapping")}
    if unknown := {incident for incident, _ in sent} - opened:
        yield f"resolved and never opened: {sorted(unknown)}"


@dataclass(frozen=True)
class Sample:
    """`count` kills from the first number on; `only` is one number of them."""

    count: int
    seed: int
    parallel: int = 2
    only: int | None = None
    worlds: tuple[str, ...] = tuple(sorted(_WORLDS))

    def run(self, folder: Path) -> Iterator[tuple[Kill, Found, list[str]]]:
        for name in (*killing.WARM, "reconciler.cli.watch", "reconciler.watching.watcher"):
            import_module(name)
        wholes = {name: self._prepared(folder, name) for name in self.worlds}
        numbers = range(self.count) if self.only is None else (self.only,)
        running: dict[int, Kill] = {}
        for kill in (self._drawn(number, wholes) for number in numbers):
            if len(running) == self.parallel:
                yield _first(running, folder)
            running[forked(partial(_tell, kill, folder, wholes[kill.world]))] = kill
        while running:
            yield _first(running, folder)

    def _prepared(self, folder: Path, name: str) -> Found:
        base = folder / name
        killing.fork(lambda: _build(name, base))
        found = Found(**killing.fork(lambda: asdict(cycles(folder / f"whole-{name}", base))))
        if found.first or not found.left or list(problems(found, found, alone=True)):
            raise RuntimeError(f"{name}: {found}")
        return found

    def _drawn(self, number: int, wholes: dict[str, Found]) -> Kill:
        names, chance = sorted(wholes), random.Random(f"watch/{self.seed}/{number}")
        world, victim = names[number % len(names)], VICTIMS[number // len(names) % len(VICTIMS)]
        known = wholes[world]
        return Kill(number, world, victim, chance.randint(1, known.moments), chance.uniform(0, 3 * known.between), 0)


def _build(name: str, base: Path) -> None:
    _WORLDS[name](base)
    world = Rehearsal(base)
    world.replace("policy:\n", _RULES)
    if name == "outdated":
        world.replace(_COPY, _EDITED)


def _tell(kill: Kill, folder: Path, expected: Found) -> int:
    os.setsid()
    signal.alarm(_LIMIT)
    found = cycles(folder / f"kill-{kill.number}", folder / kill.world, kill)
    wrong = list(problems(found, expected, alone=kill.victim == "client"))
    (folder / f"kill-{kill.number}.json").write_text(json.dumps([asdict(found), wrong]), encoding="utf-8")
    return 0


def _first(running: dict[int, Kill], folder: Path) -> tuple[Kill, Found, list[str]]:
    pid, status = os.wait()
    kill = running.pop(pid)
    if status:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it had started
        return kill, Found(), [f"the task ended with {os.waitstatus_to_exitcode(status)}"]
    found, wrong = json.loads((folder / f"kill-{kill.number}.json").read_text(encoding="utf-8"))
    return kill, Found(**found), wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--only", type=int, help="the kill with this number alone")
    given = parser.parse_args()
    failed = again = 0
    with tempfile.TemporaryDirectory() as folder:
        for kill, found, wrong in Sample(given.count, given.seed, given.parallel, given.only).run(Path(folder)):
            failed += bool(wrong)
            ids = [notice["id"] for notice in found.notices]
            again += len(ids) - len(set(ids))
            line = f"{'FAILED' if wrong else 'ok'} {kill}: {found.first}, {found.cycles} cycles, {len(ids)} notices\n"
            sys.stdout.write(line + "".join(f"  {item}\n" for item in wrong))
            sys.stdout.flush()
    sys.stdout.write(f"{failed} failed, {again} notices came again with the same id, seed {given.seed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
