"""Proxy services that are installed by package: first, upgraded, put back; the rest is in `matrices/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import packages
from tests.scenarios.packages import NEW, OLD, PROXIES, carry, hosts

pytestmark = pytest.mark.matrix


def test_a_first_install_is_registered_and_then_nothing_is_left_to_do(tmp_path: Path) -> None:
    world = packages.world(tmp_path / "world")
    plan = world.plan()
    steps = {change["address"]: [step["verb"] for step in change["steps"]] for change in plan["changes"]}
    for name in PROXIES:
        assert steps[f"proxy.{name}"] == ["package.upload", "package.install", "create", "package.registered"]
    world.converges()
    assert hosts(world) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}


def test_a_service_that_does_not_start_is_put_back_and_both_stories_are_told(tmp_path: Path) -> None:
    world = packages.before(tmp_path / "world")
    carry(world, NEW)
    assert world.changes() == {f"upgrade:proxy.{name}": {"service.version": [OLD, NEW]} for name in PROXIES}
    for name in PROXIES:
        world.set(name, f"broken-build={NEW}")
    ended = world.apply("--batch", "100%")
    assert ended.code == 3
    assert ended.out.count(f"the service of {NEW} does not start; {OLD} was put back and runs") == 2
    assert "the configuration database cannot be opened" in ended.out + ended.err
    assert hosts(world) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}
    assert world.changes() == {f"upgrade:proxy.{name}": {"service.version": [OLD, NEW]} for name in PROXIES}
    for name in PROXIES:
        world.set(name, "broken-build=none")
    world.converges()
    assert hosts(world) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}
