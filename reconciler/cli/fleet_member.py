"""The one inventory of a fleet that a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.console import Console
from reconciler.cli.fleet_path import fleet_at
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.sentences import listed
from reconciler.quoting import shell_line

if TYPE_CHECKING:
    from reconciler.operations.fleet import Member
    from reconciler.operations.runtime import Runtime


def inventory_of(console: Console, path: Path, servers: Sequence[str], target: str) -> tuple[Path, Runtime]:
    """The inventory that declares the object `target`, and the runtime for it: the one at `path`, or one of the fleet
    there. Raises Diagnosed if not exactly one of the selected inventories declares it."""
    fleet = fleet_at(path, servers)
    if fleet is None:
        return path, console.runtime
    from reconciler.operations.fleet import servers_of

    members = fleet.select(servers)
    world = console.world
    world.include_root = world.include_root or fleet.folder
    if len(members) > 1:
        declaring = [member for member in members if _declares(member, target, world.include_root)]
        if len(declaring) != 1:
            raise Diagnosed([_which(path, target, declaring, members)])
        members = tuple(declaring)
    (member,) = members
    world.path = member.path
    executor = world.executor or member.settings.executor
    lab_name = servers_of(fleet, world.include_root).labs.get(member.name, "")
    return member.path, replace(console.runtime, executor=executor, lab_name=lab_name)


def _declares(member: Member, target: str, root: Path) -> bool:
    from reconciler.model.address import address, kind_of, name_of
    from reconciler.operations.inventory_loader import read_inventory

    inventory, _ = read_inventory(member.path, lab=True, include_root=root)
    where = address("proxy", name_of(target)) if kind_of(target) == "host" else target
    return inventory is not None and (where in inventory.resources or where in inventory.removed)


def _which(path: Path, target: str, declaring: Sequence[Member], members: Sequence[Member]) -> Diagnostic:
    names = [member.name for member in declaring]
    detail = f"{target} is declared by {listed(names, 'and')}." if names else f"No inventory declares {target}."
    first = (declaring or members)[0].name
    command = shell_line(["vbo-reconcile", "explain", target, str(path), "--server", first])
    return Diagnostic("which-server", "Several servers", detail, f"Name the server, for example:\n  {command}")
