"""A fleet is upgraded while its machines die and come back, and no organization is ever without a working proxy.

The lab's witness counts at every event of the lab, from what really listens on its hosts: it knows nothing of plans.

Deaths are random, with one rule: of the machines of one organization one is dead at a time. The policy `coverage: 2`
tolerates that: whatever is begun leaves two that work, and one of them may die. With more deaths at once no tool
could keep it: the machines that are being upgraded do not work either.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest

from reconciler.apply import RolloutLimits
from reconciler.model.event import Event as Happened
from reconciler.model.event import Outcome, StepStarted
from reconciler.plan.organization_coverage import Coverage
from tests.length import length
from tests.matrices.fleet import Fleet
from tests.matrices.world import World, opened

pytestmark = pytest.mark.matrix

BATCH = "1,5%,25%,100%"
COVERED = RolloutLimits(max_failures=10_000, coverage=Coverage({}, frozenset()))
NEW = "8.6.0.100"
ROUNDS = 12
PRESENCE = 4
"""Seconds for which the server believes what it last saw of a proxy."""
FLEET = Fleet(length(8, 48), length(2, 12))
"""60 proxies, or 300."""
_FASTER = length(4, 1)
"""So much more often machines die: a smaller fleet is upgraded sooner."""


class Dice:
    """Numbers that look random, and are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._thrown = 0

    def between(self, low: float, high: float) -> float:
        self._thrown += 1
        digest = hashlib.sha256(f"{self._seed}/{self._thrown}".encode()).digest()
        return low + (high - low) * int.from_bytes(digest[:6], "big") / 2**48


class Reaper:
    """Switches machines off and, some seconds later, on again, until it is stopped. Every other time it takes one whose
    upgrade has just begun, if there is one: a small fleet is upgraded before chance hits one."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._dice = Dice(seed)
        self._names = sorted(proxy.name for proxy in world.inventory.of_kind("proxy"))
        self._dead: dict[str, float] = {}
        self.stop = Event()
        self.deaths = 0
        self._begun: SimpleQueue[str] = SimpleQueue()
        world.listeners.append(self._listen)

    def _listen(self, event: Happened) -> None:
        if isinstance(event, StepStarted) and event.text.startswith("upgrade px-"):
            self._begun.put(event.text.split()[1])

    def run(self) -> None:
        try:
            while not self.stop.wait(self._dice.between(0.1, 0.5) / _FASTER):
                self._revive(time.monotonic())
                self._kill(self._names[int(self._dice.between(0, len(self._names)))])
                if (begun := self._last_begun()) and self.deaths % 2:
                    self._kill(begun)
        finally:
            self._revive(float("inf"))

    def _last_begun(self) -> str:
        name = ""
        while not self._begun.empty():
            name = self._begun.get()
        return name

    def _kill(self, name: str) -> None:
        if any(_organization(other) == _organization(name) for other in self._dead):
            return
        self._world.lab.set(name, "power", "off")
        self._dead[name] = time.monotonic() + self._dice.between(1.0, 6.0)
        self.deaths += 1

    def _revive(self, now: float) -> None:
        for name in [name for name, until in self._dead.items() if until <= now]:
            self._world.lab.set(name, "power", "on")
            del self._dead[name]


def _organization(proxy: str) -> str:
    return proxy.split("-")[1]


def prepare(world: World) -> None:
    """Every proxy is deployed and has its repositories and jobs; then the server is upgraded and they are not."""
    for proxy in world.inventory.of_kind("proxy"):
        world.lab.set(proxy.name, "firewall", "open")
    _, result = world.apply(BATCH, COVERED)
    assert not result.failed, [end for end in result.outcomes.values() if end.outcome is not Outcome.DONE][:3]
    world.lab.set("server", "presence_seconds", str(PRESENCE))
    world.lab.set("server", "coverage", "anew")
    world.lab.set("server", "build", NEW)


def test_a_fleet_is_upgraded_while_machines_die(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    with opened(tmp_path, FLEET.yaml()) as world:
        prepare(world)
        began = time.monotonic()
        reaper = Reaper(world, seed=20260)
        with ThreadPoolExecutor(1) as pool:
            at_work = pool.submit(reaper.run)
            try:
                ends = [end for _ in range(3) for end in world.apply(BATCH, COVERED)[1].outcomes.values()]
            finally:
                reaper.stop.set()
            at_work.result()
        rounds = 3
        while world.apply(BATCH, COVERED)[0].changes and rounds < ROUNDS:
            rounds += 1
            time.sleep(PRESENCE / 2)  # the server is late to see that a machine is back
        seconds = time.monotonic() - began
        seen = world.witness()
    assert world.plans[-1].changes == ()
    assert len(seen["organizations"]) == FLEET.organizations
    assert seen["lost"] == []
    least = min(found["least"] for found in seen["organizations"].values())
    assert least >= 1
    assert reaper.deaths > FLEET.organizations
    failed = sum(end.outcome is Outcome.FAILED for end in ends)
    assert failed > 0, "no death hit an upgrade: the test is too kind"
    record_property("fleet", f"{FLEET.proxies} proxies, {FLEET.organizations} organizations")
    record_property("upgrades in the first plan", len(world.plans[1].changes))
    record_property("deaths", reaper.deaths)
    record_property("changes that failed", failed)
    record_property("applies until nothing differed", rounds)
    record_property("events that the witness counted at", seen["events"])
    record_property(
        "least working proxies of any organization", min(f["least"] for f in seen["organizations"].values())
    )
    record_property("seconds", round(seconds))


def test_the_witness_sees_it_where_nobody_takes_care(tmp_path: Path) -> None:
    """The same upgrade without coverage: the proof that the test above could fail."""
    with opened(tmp_path, Fleet(plain=2, pooled=0, own=2).yaml()) as world:
        prepare(world)
        _, result = world.apply("100%", RolloutLimits(), check=False)
        assert not result.failed
        seen = world.witness()
    assert {lost["organization"] for lost in seen["lost"]} == {"org-00.example.com", "org-01.example.com"}
