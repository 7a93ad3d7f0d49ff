"""Proxy services that are installed by package: first, upgraded, put back, cut off; each ends with an empty plan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import packages
from tests.scenarios.packages import NEW, OLD, PROXIES, carry
from tests.scenarios.rehearsal import Rehearsal


def hosts(world: Rehearsal) -> dict[str, Any]:
    """Version and state of the proxy service of each host, as the lab knows them."""
    ended = world.run("lab", "status", str(world.file), "--format", "json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)["hosts"]
    found = {name.partition(".")[0]: host["proxy"] for name, host in told.items()}
    return {name: found[name] and (found[name]["version"], found[name]["running"]) for name in PROXIES}


def test_a_first_install_is_registered_and_then_nothing_is_left_to_do(tmp_path: Path) -> None:
    world = packages.world(tmp_path / "world")
    plan = world.plan()
    steps = {change["address"]: [step["verb"] for step in change["steps"]] for change in plan["changes"]}
    for name in PROXIES:
        assert steps[f"proxy.{name}"] == ["package.upload", "package.install", "create", "package.registered"]
    world.converges()
    assert hosts(world) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both proxies with the build before the last one; the server has the last one since."""
    world = packages.world(tmp_path_factory.mktemp("packages"), OLD)
    assert world.run("lab", "status", str(world.file)).code == 0
    world.set("server", f"build={OLD}")
    ended = world.apply()
    assert ended.code == 0, ended.out + ended.err
    world.set("server", f"build={NEW}")
    return world.folder


@pytest.fixture
def old(installed: Path, tmp_path: Path) -> Rehearsal:
    shutil.copytree(installed, tmp_path / "world")
    return Rehearsal(tmp_path / "world")


def test_an_upgrade_by_package_is_one_change_of_each_proxy(old: Rehearsal) -> None:
    carry(old, NEW)
    assert old.changes() == {f"upgrade:proxy.{name}": {"service.version": [OLD, NEW]} for name in PROXIES}
    old.converges()
    assert hosts(old) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}


@pytest.mark.parametrize("name", PROXIES)
def test_a_service_that_does_not_start_is_put_back_and_both_stories_are_told(old: Rehearsal, name: str) -> None:
    carry(old, NEW)
    old.set(name, f"broken-build={NEW}")
    ended = old.apply()
    assert ended.code == 3
    assert f"the service of {NEW} does not start; {OLD} was put back and runs" in ended.out
    assert "the configuration database cannot be opened" in ended.out + ended.err
    other = next(item for item in PROXIES if item != name)
    assert hosts(old) == {name: (OLD, True), other: (NEW, True)}
    assert old.changes() == {f"upgrade:proxy.{name}": {"service.version": [OLD, NEW]}}
    old.set(name, "broken-build=none")
    old.converges()
    assert hosts(old)[name] == (NEW, True)


@pytest.mark.parametrize("name", PROXIES)
def test_a_first_service_that_does_not_start_is_taken_away_again(tmp_path: Path, name: str) -> None:
    world = packages.world(tmp_path / "world")
    world.run("lab", "status", str(world.file))
    world.set(name, f"broken-build={NEW}")
    ended = world.apply()
    assert ended.code == 3
    assert f"the service of {NEW} does not start; the package was removed, since there was none before" in ended.out
    assert hosts(world)[name] is None
    world.set(name, "broken-build=none")
    world.converges()


def test_an_installer_that_says_no_leaves_the_old_service_running(old: Rehearsal) -> None:
    carry(old, NEW, "refused")
    ended = old.apply()
    assert ended.code == 3
    assert ended.out.count(f"{OLD} is on the host as before and runs") == 2
    assert hosts(old) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}
    carry(old, NEW)
    old.converges()


def test_a_package_that_is_not_the_declared_one_goes_nowhere(old: Rehearsal) -> None:
    carry(old, NEW)
    for file in old.folder.glob(f"proxy_{NEW}*"):
        file.write_bytes(file.read_bytes() + b"more")
    ended = old.apply()
    assert ended.code == 3
    assert ended.out.count("The SHA-256 of proxy_") == 2
    assert hosts(old) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}
    carry(old, NEW)
    old.converges()


def test_nothing_is_ever_made_older(old: Rehearsal) -> None:
    carry(old, "8.3.0.2201")
    changes = old.plan()["changes"]
    assert [change["key"] for change in changes] == [f"upgrade:proxy.{name}" for name in PROXIES]
    assert {change["blocked"] for change in changes} == {
        f"the host has {OLD}, which is newer than 8.3.0.2201: nothing is ever made older"
    }
    assert old.apply().code != 0
    assert hosts(old) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}


def test_a_package_for_a_newer_server_waits_for_the_server(old: Rehearsal) -> None:
    old.set("server", f"build={OLD}")
    carry(old, NEW)
    blocked = {change["blocked"] for change in old.plan()["changes"]}
    assert {text.partition(" ")[2] for text in blocked} == {
        f"holds {NEW}, and the server runs {OLD}: the server is upgraded before its proxies"
    }
    old.set("server", f"build={NEW}")
    old.converges()
