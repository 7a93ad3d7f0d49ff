"""Worlds for kills at random moments: each is a folder whose next apply has something to do, and needs no waiver unless
it names one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Final

from tests.scenarios.deletes import INVENTORY, line
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal
from tests.scenarios.upgrade_day import BUILDS, LARGE, Fleet, after_the_upgrade


@dataclass(frozen=True, slots=True)
class KillWorld:
    """`build` prepares the folder, `options` are those of every apply in it, and `seconds` the most that a kill and the
    next apply take. `leaves`: an apply that nothing interrupts leaves something, too. `busy`: all jobs are started over
    and over meanwhile."""

    build: Callable[[Path], None]
    options: tuple[str, ...] = ()
    seconds: int = 240
    leaves: bool = False
    busy: bool = False


def new(folder: Path) -> None:
    """The demo on a server that has none of its objects."""
    Rehearsal.of(folder, INVENTORIES / "demo.yml").plan()


def packages(folder: Path) -> None:
    """Proxies whose service is installed from packages."""
    Rehearsal.of(folder, INVENTORIES / "packages.yml").plan()


def outdated(folder: Path) -> None:
    """The demo after an upgrade of the server: proxies and repositories are out of date, other objects change."""
    world = Rehearsal.of(folder, INVENTORIES / "demo.yml")
    world.replace("  coverage: 1\n", "  coverage: 0\n")
    world.set("server", "repository_upgrades=by hand")
    world.converges()
    world.set("server", "build=8.5.0.2000")
    world.replace("throttle: 100 Mbps", "throttle: 20 MB/s")
    world.replace("to: [backup-team@corp.example.com]", "to: [night@corp.example.com]")


def deletes(folder: Path) -> None:
    """A proxy is retired once its repository has moved to a pool, another goes with its repository and its job."""
    world = Rehearsal(folder)
    folder.mkdir(parents=True)
    world.file.write_text(INVENTORY, encoding="utf-8")
    world.converges()
    for gone in ("mail", "disk", "px-disk", "px-cold"):
        world.replace(line(gone), "")
    world.replace("    proxy: px-cold\n", "    pool: cloud\n")
    world.replace("max_deletes: 2", "max_deletes: 100%")


def replace(folder: Path) -> None:
    """A proxy becomes one of the other type, and a job moves to another repository."""
    world = Rehearsal(folder)
    folder.mkdir(parents=True)
    world.file.write_text(INVENTORY.replace("items: [onedrive]}", "items: [onedrive], run: on-change}"))
    world.converges()
    world.replace("  files: {organization: contoso.example.com, repository: bucket", _ON_DISK)
    world.replace("    proxy: px-cold\n", "    pool: cloud\n")
    world.replace("px-cold.corp.example.com, type: domain, credentials: admin", _WORKGROUP)
    world.replace("max_deletes: 2", "max_deletes: 100%")


_ON_DISK: Final = "  files: {organization: contoso.example.com, repository: disk"
_WORKGROUP: Final = "px-cold.corp.example.com, type: workgroup, credentials: local"


def fleet(version: int) -> Callable[[Path], None]:
    """Proxies, pools and repositories of a server that was upgraded, by REST version."""

    def build(folder: Path) -> None:
        world = Rehearsal(folder)
        folder.mkdir(parents=True)
        old, upgraded = BUILDS[version]
        made = Fleet(3) if version == 7 else Fleet(1, pools=(1, 2))
        world.file.write_text(changed(made, dead=False, coverage=0).yaml(), encoding="utf-8")
        world.plan()
        world.set("server", f"build={old}")
        world.converges()
        world.set("server", f"build={upgraded}")

    return build


def upgrade_day(version: int) -> KillWorld:
    """A large fleet with sleeping members and a dead proxy in the night after the upgrade of its server. Its proxies
    may be upgraded side by side."""

    def build(folder: Path) -> None:
        after_the_upgrade(folder, version, changed(LARGE[version], coverage=0))

    return KillWorld(build, seconds=1800, leaves=True, busy=True)


WORLDS: Final = {
    "deletes": KillWorld(deletes),
    "fleet v7 to v8": KillWorld(fleet(7)),
    "fleet 8.5 to 8.6": KillWorld(fleet(8)),
    "new": KillWorld(new),
    "outdated": KillWorld(outdated),
    "packages": KillWorld(packages),
    "replace": KillWorld(replace, ("--waive", "replace=agreed")),
}
"""Taken by default."""
LONG: Final = {"upgrade day v7 to v8": upgrade_day(7), "upgrade day 8.5 to 8.6": upgrade_day(8)}
ALL: Final = WORLDS | LONG
