"""A week of made-up observations: 500 cycles over three servers (in CI the first 150), with drift, a second writer,
outages, restarts, a journal that is lost, runs of people, and automatic changes in windows, some of which fail or are
killed. The program as a whole, with servers and hosts, has its week in `tests.simulation.week`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from reconciler.journal import Holder, Journal, JournalError, LockHeld
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import ReconcileError, Unreachable
from reconciler.model.event import Outcome
from reconciler.model.inventory import AutomaticRule, Window
from reconciler.operations.journals import open_journal
from reconciler.plan.guards.windows import is_open
from reconciler.watching.notices import Channel
from reconciler.watching.watcher import Watcher
from tests.length import length
from tests.watching.automatic import Applies, seen
from tests.watching.samples import NOON, World, update

SERVERS = ("corp", "emea", "apac")
ADDRESSES = tuple(f"proxy.px-{number}" for number in range(4))
ALLOWED = ADDRESSES[:3]
WINDOW = Window("20:00", 10)
DAY = timedelta(days=1)
CYCLES = length(90, 500)
"""One each 20 minutes."""
PAUSES = (timedelta(minutes=10), timedelta(hours=1), DAY)
RULES = (AutomaticRule(("update",), ALLOWED, (WINDOW,)),)
HOOK = Channel("json", "https://hooks.example.com/")
AWAY = Diagnostic("unreachable", "Unreachable", "px-9: no answer", address="host.px-9")


class Truth:
    """What differs at each server, and who is down. It drifts and is mended at random."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.drift: dict[str, set[str]] = {name: set() for name in SERVERS}
        self.down: dict[str, int] = dict.fromkeys(SERVERS, 0)
        self.away = dict.fromkeys(SERVERS, False)

    def go_on(self, world: World) -> None:
        for name in SERVERS:
            self.down[name] = max(0, self.down[name] - 1) or (self.random.random() < 0.02) * 5
            if self.random.random() < 0.15:
                self.drift[name] ^= {self.random.choice(ADDRESSES)}
            if self.random.random() < 0.05:
                self.away[name] = not self.away[name]
            world.answers[name] = self._answer(name)

    def _answer(self, name: str) -> Any:
        if self.down[name]:
            return Unreachable(name, "connecting", "no route to host")
        changes = [update(where, "throttle") for where in sorted(self.drift[name])]
        hosts = {"px-9": AWAY if self.away[name] else None}
        return seen(*changes, rules=RULES, name=name, hosts=hosts, problems=[AWAY] if self.away[name] else ())

    def mended(self, world: World, name: str, keys: list[str]) -> None:
        self.drift[name] -= {key.partition(":")[2] for key in keys}
        world.answers[name] = self._answer(name)


class Automatic:
    """Applies of the week: each ends well, fails, is killed, or meets a run of a person. `log` has of each change of a
    server when it was tried, and how that ended. Servers are side by side: each draws from a separate source."""

    def __init__(self, world: World, truth: Truth) -> None:
        self.log: dict[tuple[str, str], list[tuple[datetime, Outcome | None]]] = defaultdict(list)
        self._world, self._truth = world, truth
        self._random = {name: Random(name) for name in SERVERS}

    def __call__(self, path: Path, approved: Any, *more: Any, **others: Any) -> Any:
        chance = self._random[path.stem].random()
        if chance < 0.1:
            raise LockHeld(Holder("1", "k", path.stem, "alice@ci", "apply", "01", NOON, NOON, NOON, "", 30))
        ends = Outcome.FAILED if chance < 0.3 else None if chance < 0.4 else Outcome.DONE
        for change in approved:
            self.log[path.stem, change["key"]].append((self._world.now, ends))

        def done(name: str, keys: list[str]) -> None:
            if ends is Outcome.DONE:
                self._truth.mended(self._world, name, keys)

        return Applies(self._world, ends=ends, done=done)(path, approved, *more, **others)

    def check(self) -> None:
        """Within the rules and in a window; made three times in 24 hours at most, and a change that failed waits."""
        assert sum(map(len, self.log.values())) > length(6, 20)
        assert {key for _, key in self.log} <= {f"update:{where}" for where in ALLOWED}
        for tried in self.log.values():
            assert all(is_open(WINDOW, at) for at, _ in tried)
            done = [at for at, ends in tried if ends is Outcome.DONE]
            assert all(later - first >= DAY for first, later in zip(done, done[3:], strict=False))
            for number, (at, _) in enumerate(tried):
                failures = list(takewhile(lambda item: item[1] is not Outcome.DONE, reversed(tried[:number])))
                assert not failures or at - failures[0][0] >= pause(failures), tried


def pause(failures: list[tuple[datetime, Outcome | None]]) -> timedelta:
    """After the latest of attempts in a row of which each failed or was killed; two that were killed do not count."""
    if len(failures) <= 2 and all(ends is None for _, ends in failures):
        return timedelta(0)
    return PAUSES[min(len(failures), len(PAUSES)) - 1]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory if there is such a place: the week writes thousands of transactions."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as made:
        yield Path(made)


@pytest.mark.matrix
def test_a_week(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, truth, broken = World(folder), Truth(1), {"journal": 0, "hook": 0}

    def opened(*args: Any, **more: Any) -> Journal:
        if broken["journal"]:
            raise JournalError("no space left on the device", code="journal-full")
        return open_journal(*args, **more)

    monkeypatch.setattr("reconciler.watching.watcher.open_journal", opened)
    world.refuse = lambda _address: ReconcileError("it answered 503") if broken["hook"] else None
    automatic = Automatic(world, truth)

    def begun() -> Watcher:
        return world.watcher(*SERVERS, channels=(HOOK,), apply=True, applies=automatic)

    watcher = begun()
    for cycle in range(CYCLES):
        truth.go_on(world)
        broken = {name: max(0, left - 1) or (truth.random.random() < 0.01) * 4 for name, left in broken.items()}
        if truth.random.random() < 0.03:  # killed and started again
            watcher = begun()
        watcher.cycle()
        world.later(minutes=20)
        if not broken["journal"]:
            check_metrics(watcher.states, truth, cycle)
    broken |= {"journal": 0, "hook": 0}
    for _ in range(40):
        truth.drift = {name: set() for name in SERVERS}
        world.answers |= {name: seen(name=name, hosts={"px-9": None}) for name in SERVERS}
        watcher.cycle()
        world.later(minutes=20)
    check_notices(world)
    automatic.check()


def check_metrics(states: Any, truth: Truth, cycle: int) -> None:
    """What is open is what is so, apart from what is flapping, and what could not be looked at."""
    for name, state in states.items():
        assert bool(state.error) == bool(truth.down[name]), (cycle, name)
        if truth.down[name]:
            assert any(item.finding.subject == "observation" for item in state.open)
            continue
        drift = {item.finding.address for item in state.open if item.finding.subject == "throttle" and item.present}
        assert drift == truth.drift[name], (cycle, name)


def check_notices(world: World) -> None:
    """Every notice came once; every incident that was opened was resolved once, and nothing else was."""
    assert len({message["id"] for _, message in world.sent}) == len(world.sent)
    opened: Counter[str] = Counter()
    resolved: Counter[str] = Counter()
    for _, message in world.sent:
        for item in message["transitions"]:
            opened[item["incident"]] += item["change"] in ("opened", "flapping")
            resolved[item["incident"]] += item["change"] == "resolved"
    assert len(opened) > length(15, 50)
    assert set(opened.values()) == {1}
    assert set(resolved.values()) == {1}
