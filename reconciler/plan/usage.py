"""What keeps an object: those that use it, and those that have what only one may have.

An object goes only after everything that uses it has gone or has let go of it. What stays keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.kinds.graph import lets_go
from reconciler.model.address import Address, kind_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change
from reconciler.model.value import UNKNOWN


def releases(change: Change, where: str) -> bool:
    """Whether its object does not use `where` any more after `change`."""
    after = {item.path: item.after for item in change.fields}
    return change.action is Action.DELETE or lets_go(kind_of(change.address), after, where)


def stays(users: Iterable[str], inventory: Inventory, live: Live) -> str:
    """A sentence about the users that keep an object."""
    names = []
    for user in sorted(users):
        foreign = user not in inventory.resources and live.resources[Address(user)].owner != inventory.name
        names.append(f"{user} (not of this inventory)" if foreign else user)
    return f"it is in use by {', '.join(names)}; what uses an object has to move or go first"


def claims(kind: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What only one object at a time may have: a proxy is in one pool, a folder or a bucket belongs to one repository,
    an organization has one job for all of it (facts, 2.9, 5.2 and 6.2)."""
    if kind == "pool" and isinstance(fields.get("members"), list):
        for name in fields["members"]:
            yield "member", name
    elif kind == "job" and fields.get("items") == "all":
        yield "whole", str(fields.get("organization")).lower()
    elif kind == "repository" and isinstance(storage := fields.get("object_storage"), Mapping):
        place = tuple(storage.get(part, "") for part in ("name", "type", "account", "bucket", "folder"))
        if UNKNOWN not in place:
            yield "storage", *map(str, place)
    elif kind == "repository" and isinstance(fields.get("path"), str) and fields["path"]:
        yield "folder", str(fields.get("owner")), fields["path"].lower().rstrip("\\/")


class Claims:
    """Which live object has what only one may have."""

    def __init__(self, live: Live) -> None:
        self._holders: dict[tuple[str, ...], str] = {
            claim: where for where, found in live.resources.items() for claim in claims(found.kind, found.fields)
        }

    def in_the_way(self, kind: str, fields: Mapping[str, Any]) -> list[Address]:
        """Live objects that have what a new object with `fields` needs."""
        return [Address(self._holders[claim]) for claim in claims(kind, fields) if claim in self._holders]
