"""A week by a fake clock: 500 cycles over three servers, with drift, outages, restarts, a journal that is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from reconciler.journal import Journal, JournalError
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import ReconcileError, Unreachable
from reconciler.operations.journals import open_journal
from reconciler.watching.notices import Channel
from tests.watching.samples import World, observed, plan_of, update

SERVERS = ("corp", "emea", "apac")
ADDRESSES = tuple(f"proxy.px-{number}" for number in range(4))
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
        return observed(plan_of(changes, problems=[AWAY] if self.away[name] else ()), hosts=hosts)


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
    watcher = world.watcher(*SERVERS, channels=(HOOK,))
    for cycle in range(500):
        truth.go_on(world)
        broken = {name: max(0, left - 1) or (truth.random.random() < 0.01) * 4 for name, left in broken.items()}
        if truth.random.random() < 0.03:  # killed and started again
            watcher = world.watcher(*SERVERS, channels=(HOOK,))
        watcher.cycle()
        world.later(minutes=20)
        if not broken["journal"]:
            check_metrics(watcher.states, truth, cycle)
    broken |= {"journal": 0, "hook": 0}
    for _ in range(40):
        truth.drift = {name: set() for name in SERVERS}
        world.answers |= {name: observed(plan_of(), hosts={"px-9": None}) for name in SERVERS}
        watcher.cycle()
        world.later(minutes=20)
    check_notices(world)


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
    assert len(opened) > 50
    assert set(opened.values()) == {1}
    assert set(resolved.values()) == {1}
