"""Packages that are refused, cut off, another file, or another build: whatever happens, the next run converges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import packages
from tests.scenarios.packages import NEW, OLD, PROXIES, carry, hosts
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

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
    ended = old.apply("--batch", "100%")
    assert ended.code == 3
    assert ended.out.count(f"{OLD} is on the host as before and runs") == 2
    assert hosts(old) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}
    carry(old, NEW)
    old.converges()


def test_a_package_that_is_not_the_declared_one_goes_nowhere(old: Rehearsal) -> None:
    carry(old, NEW)
    for file in old.folder.glob(f"proxy_{NEW}*"):
        file.write_bytes(file.read_bytes() + b"more")
    ended = old.apply("--batch", "100%")
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
        f"the host has {OLD}, newer than 8.3.0.2201: downgrades are not supported"
    }
    assert old.apply().code != 0
    assert hosts(old) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}


def test_a_package_for_a_newer_server_waits_for_the_server(old: Rehearsal) -> None:
    old.set("server", f"build={OLD}")
    carry(old, NEW)
    blocked = {change["blocked"] for change in old.plan()["changes"]}
    assert {text.partition(" ")[2] for text in blocked} == {
        f"is build {NEW}, and the server runs {OLD}: upgrade the server before its proxies"
    }
    old.set("server", f"build={NEW}")
    old.converges()


def test_an_upload_that_is_cut_off_is_sent_again(old: Rehearsal) -> None:
    carry(old, NEW, size=3_000_000)
    for name in PROXIES:
        old.set(name, "upload=cut")
    ended = old.apply("--batch", "100%")
    assert ended.code == 3
    assert ended.out.count("failed  upgrade proxy.") == 2
    assert hosts(old) == {"px-lnx": (OLD, True), "px-win": (OLD, True)}
    for name in PROXIES:
        old.set(name, "upload=whole")
    old.converges()
    assert hosts(old) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}


def test_a_run_that_ended_between_installing_and_registering_is_gone_on_with(tmp_path: Path) -> None:
    world = packages.world(tmp_path / "world")
    world.run("lab", "status", str(world.file))
    world.set("server", 'faults=[{"kind": "status", "method": "POST", "path": "Proxies", "status": 400}]')
    assert world.apply().code == 3
    world.set("server", "faults=[]")
    changes = world.changes()
    assert set(changes) == {f"create:proxy.{name}" for name in PROXIES}
    assert all(fields["service.version"] == [NEW, NEW] for fields in changes.values())  # installed, without an owner
    world.converges()
    assert hosts(world) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}


def test_an_installation_that_was_killed_is_done_again(old: Rehearsal) -> None:
    folder = next(old.folder.glob("state/**/hosts"))
    (folder / "px-lnx.example.net/var/lib/vbo-reconcile/packages/attempt").write_text("\n\n")
    (folder / "px-win.example.net.files/attempt").write_text('{"version": "", "file": ""}')
    carry(old, NEW)
    causes = {change["address"]: change["cause"]["detail"].partition(";")[0] for change in old.plan()["changes"]}
    assert causes == {f"proxy.{name}": "an earlier installation was interrupted" for name in PROXIES}
    old.converges()


@pytest.mark.parametrize("word", ["redeploy", "keep"])
def test_whatever_the_server_does_with_a_service_that_is_there(tmp_path: Path, word: str) -> None:
    """It is not documented whether attachUsedProxy installs the server's own build over it."""
    world = packages.world(tmp_path / "world")
    world.run("lab", "status", str(world.file))
    world.set("server", f"used_proxy={word}")
    world.converges()
    assert hosts(world) == {"px-lnx": (NEW, True), "px-win": (NEW, True)}


def test_a_service_that_somebody_else_put_there_is_not_touched(tmp_path: Path) -> None:
    world = packages.world(tmp_path / "world")
    world.run("lab", "status", str(world.file))
    for name in PROXIES:
        world.set(name, "owner=vbo99.example.net")
    before = hosts(world)
    ended = world.apply()
    assert ended.code == 4
    assert ended.out.count("may belong to another server") == 2
    assert hosts(world) == before
    assert world.apply("--waive", "takeover=agreed").code == 0
    world.converges()


def test_members_of_a_pool_get_their_package_before_they_are_drained(tmp_path: Path) -> None:
    world = Rehearsal.of(tmp_path / "world", INVENTORIES / "packages.yml")
    text = world.file.read_text(encoding="utf-8")
    world.file.write_text(text.replace(NEW, OLD), encoding="utf-8")
    world.run("lab", "status", str(world.file))
    world.set("server", f"build={OLD}")
    world.converges()
    world.set("server", f"build={NEW}")
    world.file.write_text(text, encoding="utf-8")
    steps = {change["address"]: [step["verb"] for step in change["steps"]] for change in world.plan()["changes"]}
    around = ["package.upload", "maintenance.on", "package.install", "proxy.verify", "maintenance.off", "proxy.verify"]
    assert steps["proxy.px-lnx-1"] == steps["proxy.px-lnx-2"] == around
    assert steps["proxy.px-win-1"] == ["package.upload", "sessions.wait", "package.install", "proxy.verify"]
    world.converges()
