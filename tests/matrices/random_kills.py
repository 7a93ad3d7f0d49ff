"""Applies that are killed at random moments: the client, the emulated server, or both; then one more apply.

    python -m tests.matrices.random_kills [--count 200] [--seed 1] [--parallel 2] [--world NAME] [--only NUMBER]
    python -m tests.matrices.random_kills --count 10 --world "upgrade day v7 to v8"

A moment is a request, a script on a host or a write of the journal, of all that an apply has, and a random time after
it: so it falls into the same places on slow machines. Whatever the moment, the next `apply --lock-wait 90` without a
waiver ends with 0, the plan after it is empty, every job has run, and the server has the objects of an apply that
nothing interrupted. In a world that leaves something, the exit code and the plan are those that such an apply has. Each
failure is printed with what repeats it; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from threading import Lock, Timer
from typing import Any, Final

import pytest

from tests.matrices import killing
from tests.matrices.kill_worlds import ALL, WORLDS, KillWorld
from tests.scenarios.rehearsal import Rehearsal
from tests.scenarios.upgrade_day import jobs_at_work

VICTIMS: Final = ("client", "server", "both", "one process")
"""Who is killed. In one process the client has the lab in it, so that both end at the same instant."""
_PAUSE: Final = 0.02
_BUSY: Final = 2.0
"""Seconds between two starts of all jobs."""
_COLLECTIONS: Final = ("accounts", "copy_jobs", "jobs", "object_storage", "pools", "proxies", "repositories")


@dataclass(frozen=True)
class Kill:
    """`moment` counts from 1, `delay` are the seconds after it, and `down` those until the server is back."""

    number: int
    world: str
    victim: str
    moment: int
    delay: float
    down: float

    def __str__(self) -> str:
        return f"{self.number}: {self.world}, {self.victim} at {self.moment} + {self.delay * 1000:.0f} ms"


@dataclass
class Whole:
    """An apply that nothing interrupts: how many moments it has, the mean seconds between two, what is on the server
    afterwards, the jobs that ran, what the next plan would change, and the exit codes of the apply and of the next one,
    which is not left anything that it can do."""

    moments: int
    between: float
    objects: dict[str, list[str]]
    ran: list[str]
    left: list[str] = field(default_factory=list)
    codes: tuple[int, ...] = (0, 0)


@dataclass
class After:
    """`first` is how the apply ended that was killed, or whose server was: its exit code, or minus the signal."""

    first: int = 0
    code: int = -1
    said: str = ""
    left: list[str] = field(default_factory=list)
    objects: dict[str, list[str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)


class Moments:
    """Counts moments, and calls `kill` some seconds after one of them."""

    def __init__(self, file: Path, moment: int, delay: float, kill: Callable[[], None]) -> None:
        self._file, self._moment, self._delay, self._kill = file, moment, delay, kill
        self._count = count(1)
        self._lock = Lock()

    def passed(self) -> None:
        with self._lock:
            number = next(self._count)
        if number == self._moment:
            timer = Timer(self._delay, self._kill)
            timer.daemon = True
            timer.start()

    def save(self) -> None:
        self._file.write_text(str(next(self._count) - 1), encoding="utf-8")

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Every request, every transaction of the journal and every script passes a moment before and after it."""
        from reconciler.clients.ssh.session import SshSession
        from reconciler.clients.vbo.wire import Wire
        from reconciler.clients.winrm.session import WinrmSession
        from reconciler.journal.store import Store

        counted: list[tuple[type, str]] = [(Wire, "exchange"), (Store, "write")]
        counted += [(SshSession, "execute"), (WinrmSession, "execute")]
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in counted:
                patch.setattr(owner, name, self._around(getattr(owner, name)))
            yield

    def _around(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def doing(*args: Any, **more: Any) -> Any:
            self.passed()
            try:
                return do(*args, **more)
            finally:
                self.passed()

        return doing


Do = Callable[["Moments | None"], int]
"""What is killed. Gives its exit code."""


@contextmanager
def lab_apart(folder: Path) -> Iterator[int]:
    """The lab of the inventory in a process, whose id it yields."""
    (shown, reply), (hear, ask) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(shown)
        os.close(ask)
        killing.exit_with(lambda: _serve(folder, reply, hear))
    os.close(reply)
    os.close(hear)
    try:
        with os.fdopen(shown) as answers:
            if answers.readline() != "ready\n":
                raise RuntimeError("the lab did not come up")
            yield pid
    finally:
        os.close(ask)
        os.waitpid(pid, 0)


def _serve(folder: Path, reply: int, hear: int) -> None:
    """Until the other end of `hear` is closed. A server that comes back has its port, although connections of the one
    that was killed linger on it."""
    from reconciler.lab import network
    from reconciler.lab.lab import Lab
    from reconciler.operations.inventory_loader import read_inventory

    inventory, _ = read_inventory(folder / "inventory.yml", lab=True)
    assert inventory
    place = folder / "state" / "vbo-reconcile" / "lab" / inventory.name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "_free", lambda address, port: network._bound((address, port)))
        with Lab.open(inventory, place):
            os.write(reply, b"ready\n")
            os.read(hear, 1)


def applied(folder: Path, options: tuple[str, ...], moments: Moments | None = None, *, busy: bool = False) -> int:
    """The exit code of an apply. What it says is in a file."""
    world = Rehearsal(folder)
    with jobs_at_work(world, _BUSY) if busy else nullcontext():
        if moments is None:
            ended = world.apply("--lock-wait", "90", *options)
        else:
            with moments.counted():
                ended = world.apply(*options)
            moments.save()
    (folder / "said.log").write_text(ended.out + ended.err, encoding="utf-8")
    return ended.code


def forked(work: Callable[[], int]) -> int:
    """The process that does it, and exits with the number that it gives."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = work()
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def whole(base: Path, folder: Path, of: KillWorld) -> Whole:
    """Raises RuntimeError where the apply does not end with everything done, and should."""
    began, file = datetime.now(UTC).isoformat(), folder / "moments.log"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
    shutil.copytree(base, folder)
    with lab_apart(folder):
        at = time.monotonic()
        code = ended(forked(lambda: applied(folder, of.options, Moments(file, 0, 0, _kill), busy=of.busy)))
        seconds = time.monotonic() - at
        left = killing.fork(lambda: _left(folder))
        again = ended(forked(lambda: applied(folder, of.options))) if of.leaves else code
    if not of.leaves and (code or left):
        raise RuntimeError(f"{base.name}: {code}, {left}\n{(folder / 'said.log').read_text(encoding='utf-8')}")
    moments = int(file.read_text(encoding="utf-8"))
    found = Whole(moments, seconds / moments, *server_state(folder, began), sorted(left), (code, again))
    shutil.rmtree(folder)
    return found


def after(kill: Kill, base: Path, folder: Path, of: KillWorld) -> After:
    """What is there after the kill and one more apply."""
    began, story = datetime.now(UTC).isoformat(), After()
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
    shutil.copytree(base, folder)
    story.first = killed(kill, folder, partial(applied, folder, of.options, busy=of.busy))
    with lab_apart(folder):
        story.code = ended(forked(lambda: applied(folder, of.options, busy=of.busy)))
        story.left = killing.fork(lambda: _left(folder))
    story.said = (folder / "said.log").read_text(encoding="utf-8")
    story.objects, story.ran = server_state(folder, began)
    shutil.rmtree(folder)
    return story


def killed(kill: Kill, folder: Path, do: Do) -> int:
    """How `do` ended, which was killed or whose server was: its exit code, or minus the signal."""
    return (_alone if kill.victim == "one process" else _apart)(kill, folder, do)


def _alone(kill: Kill, folder: Path, do: Do) -> int:
    """A client that has the lab in its process."""
    moments = Moments(folder / "moments.log", kill.moment, kill.delay, lambda: _kill(os.getpid()))
    return ended(forked(lambda: do(moments)))


def _apart(kill: Kill, folder: Path, do: Do) -> int:
    """A client beside its lab. A server that is killed comes back while the client works on."""
    with lab_apart(folder) as server:
        victims = {"client": lambda: (os.getpid(),), "server": lambda: (server,)}
        of = victims.get(kill.victim, lambda: (server, os.getpid()))
        moments = Moments(folder / "moments.log", kill.moment, kill.delay, lambda: _kill(*of()))
        client = forked(lambda: do(moments))
        if kill.victim != "server":
            return ended(client)
        while os.waitid(os.P_PID, server, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if os.waitid(os.P_PID, client, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return ended(client)  # the moment did not come
            time.sleep(_PAUSE)
    time.sleep(kill.down)
    with lab_apart(folder):
        return ended(client)


def _left(folder: Path) -> list[str]:
    """What the next plan would change."""
    return [change["key"] for change in Rehearsal(folder).plan()["changes"]]


def server_state(folder: Path, began: str) -> tuple[dict[str, list[str]], list[str]]:
    """The names of all objects, and the jobs that ran since, of a lab that has ended."""
    (file,) = (folder / "state" / "vbo-reconcile" / "lab").glob("*/server.json")
    state = json.loads(file.read_text(encoding="utf-8"))
    objects = {
        name: sorted(str(item.get("fqdn") or item.get("name") or item.get("jobId")) for item in state[name].values())
        for name in _COLLECTIONS
    }
    done = [
        item["jobId"]
        for item in state["sessions"].values()
        if item["status"] in ("Success", "Warning") and item["creationTime"] >= began[:19]
    ]
    return objects, sorted(item["name"] for key, item in state["jobs"].items() if key in done)


def problems(found: After, expected: Whole) -> Iterator[str]:
    """What is not as it should be."""
    if found.code not in expected.codes:
        yield f"the next apply ended with {found.code}: {found.said[-3000:]}"
    if sorted(found.left) != expected.left:
        yield f"the plan after it has {found.left}"
    if found.objects != expected.objects:
        yield f"the server has {found.objects}, not {expected.objects}"
    if missing := sorted(set(expected.ran) - set(found.ran)):
        yield f"did not run: {missing}"


def drawn(number: int, seed: int, wholes: dict[str, Whole], victims: Sequence[str] = VICTIMS) -> Kill:
    """The kill with this number. Every world has every victim, in turn."""
    names, chance = sorted(wholes), random.Random(f"{seed}/{number}")
    world, victim = names[number % len(names)], victims[number // len(names) % len(victims)]
    known = wholes[world]
    delay = chance.uniform(0, 3 * known.between)
    return Kill(number, world, victim, chance.randint(1, known.moments), delay, chance.choice((0, 0, 0.5, 2)))


@dataclass(frozen=True)
class Sample:
    """`count` kills of these worlds, from the first number on; `only` is one number of them."""

    count: int
    seed: int
    worlds: tuple[str, ...] = tuple(sorted(WORLDS))
    parallel: int = 2
    only: int | None = None
    victims: tuple[str, ...] = VICTIMS

    def run(self, folder: Path) -> Iterator[tuple[Kill, int, list[str]]]:
        """Each kill with how its apply ended (see `After.first`), and its problems, as they end."""
        for name in killing.WARM:
            import_module(name)
        wholes = {name: _prepared(folder, name) for name in self.worlds}
        numbers = range(self.count) if self.only is None else (self.only,)
        running: dict[int, Kill] = {}
        for kill in (drawn(number, self.seed, wholes, self.victims) for number in numbers):
            if len(running) == self.parallel:
                yield _first(running, folder)
            running[forked(partial(_tell, kill, folder, wholes[kill.world]))] = kill
        while running:
            yield _first(running, folder)


def _prepared(folder: Path, name: str) -> Whole:
    """Builds the world, unless it is in the folder already."""
    base = folder / name.replace(" ", "-")
    known = folder / f"{base.name}.json"
    if not known.exists():
        killing.fork(lambda: ALL[name].build(base))
        found = killing.fork(lambda: asdict(whole(base, folder / f"whole-{base.name}", ALL[name])))
        known.write_text(json.dumps(found), encoding="utf-8")
    return Whole(**json.loads(known.read_text(encoding="utf-8")))


def _tell(kill: Kill, folder: Path, expected: Whole) -> int:
    """In a separate process: its problems go into a file."""
    of = ALL[kill.world]
    os.setsid()
    signal.alarm(of.seconds)
    base = folder / kill.world.replace(" ", "-")
    found = after(kill, base, folder / f"kill-{kill.number}", of)
    text = json.dumps([found.first, list(problems(found, expected))])
    (folder / f"kill-{kill.number}.json").write_text(text, encoding="utf-8")
    return 0


def _first(running: dict[int, Kill], folder: Path) -> tuple[Kill, int, list[str]]:
    """The first of these that ends."""
    pid, status = os.wait()
    kill = running.pop(pid)
    if status:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it had started
        return kill, 0, [f"the task ended with {os.waitstatus_to_exitcode(status)}"]
    first, wrong = json.loads((folder / f"kill-{kill.number}.json").read_text(encoding="utf-8"))
    return kill, first, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--only", type=int, help="the kill with this number alone")
    parser.add_argument("--world", choices=sorted(ALL), action="append", help="may be repeated")
    parser.add_argument("--keep", type=Path, help="a folder to work in; its worlds are built once")
    given = parser.parse_args()
    sample = Sample(given.count, given.seed, tuple(given.world or sorted(WORLDS)), given.parallel, given.only)
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        for kill, first, wrong in sample.run(given.keep or Path(temporary)):
            failed += bool(wrong)
            how = f"signal {-first}" if first < 0 else f"exit code {first}"
            line = f"{'FAILED' if wrong else 'ok'} {kill}: {how}\n"
            sys.stdout.write(line + "".join(f"  {item}\n" for item in wrong))
            sys.stdout.flush()
    sys.stdout.write(f"{failed} failed, seed {given.seed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
