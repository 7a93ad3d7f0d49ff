"""Packages that are refused, cut off, another file, or another build: whatever happens, the next run converges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import packages
from tests.scenarios.packages import NEW, OLD, PROXIES, carry, hosts
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.before(tmp_path_factory.mktemp("packages")).folder


@pytest.fixture
def old(installed: Path, tmp_path: Path) -> Rehearsal:
    return packages.copied(installed, tmp_path / "world")


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
