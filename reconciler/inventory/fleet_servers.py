"""Inventories of a fleet that name the same management server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.fleet import Member
from reconciler.inventory.merge import read_all
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.sentences import quoted


@dataclass(frozen=True, slots=True)
class Named:
    """The name of an inventory, which marks what it manages, and its server; empty where they cannot be read."""

    inventory: str
    server: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two members of one server. It is an error if what one declares is what the other would delete."""

    first: Member
    other: Member
    diagnostic: Diagnostic

    @property
    def names(self) -> tuple[str, str]:
        return self.first.name, self.other.name


def named_in(path: Path, include_root: Path) -> Named:
    """As far as the inventory can be read. Never raises for what is in its files."""
    _, merged = read_all(path, Diagnostics(), include_root)
    root: Mapping[str, Any] = merged.root
    server = root.get("server")
    host = server.get("host") if isinstance(server, Mapping) else None
    return Named(str(root.get("name") or ""), str(host or "").lower())


def lab_names(named: Mapping[str, Named]) -> dict[str, str]:
    """Names of labs, by member, for inventories that have one name: a lab has one inventory."""
    count = Counter(found.inventory for found in named.values())
    return {name: f"{found.inventory}--{name}" for name, found in named.items() if count[found.inventory] > 1}


def conflicts(members: Sequence[Member], named: Mapping[str, Named]) -> Iterator[Conflict]:
    """Each member that has the server of an earlier one. `named` is by the name of the member."""
    first: dict[str, list[Member]] = {}
    for member in members:
        found = named[member.name]
        before = first.setdefault(found.server, []) if found.server else []
        same = next((other for other in before if named[other.name].inventory == found.inventory), None)
        if before:
            yield _conflict(same or before[0], member, found, is_same=same is not None)
        before.append(member)


def _conflict(first: Member, other: Member, named: Named, *, is_same: bool) -> Conflict:
    names = f"{quoted(first.name)} and {quoted(other.name)}"
    if is_same:
        detail = f"{names} name the server {named.server}, and both inventories are named {quoted(named.inventory)}."
        detail += " Each would delete what the other declares."
        fix = "Make them one inventory (`include` one in the other), or give the newer one another `name`."
    else:
        detail = f"{names} name the server {named.server}. They are applied one after the other."
        detail += " What has no mark (mail settings, members of a pool) belongs in one of them."
        fix = "Make them one inventory, or declare each object in only one of them."
    related = (first.position,) if first.position is not None else ()
    severity = Severity.ERROR if is_same else Severity.WARNING
    summary = "Two inventories manage the same objects" if is_same else "Two inventories of one server"
    found = Diagnostic("same-server", summary, detail, fix, severity=severity, position=other.position, related=related)
    return Conflict(first, other, found)
