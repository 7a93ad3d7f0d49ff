"""Who uses what: jobs their repository, repositories their proxy or pool, pools their members.

An object goes only after everything that uses it has gone or has let go of it. What stays keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.address import Address, kind_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change

_HOLDS = {"repository": ("owner",), "job": ("repository",), "pool": ("members",)}
"""By kind, the field that names what an object uses."""

_HELD_BY = {"proxy": ("repository", "pool"), "pool": ("repository",), "repository": ("job",)}
"""By kind, the kinds that may use it."""


def used(kind: str, path: str, value: Any) -> list[str]:
    """Addresses that a field's value uses."""
    if path not in _HOLDS.get(kind, ()):
        return []
    if path == "members":
        return [f"proxy.{name}" for name in value] if isinstance(value, list) else []
    if not isinstance(value, str) or not value:
        return []
    return [value] if path == "owner" else [f"{path}.{value}"]


class Usage:
    """The live users of every live object. `blind` names, by kind, objects of which it cannot be seen what they use."""

    def __init__(self, live: Live) -> None:
        self._users: dict[str, list[str]] = defaultdict(list)
        self._blind: dict[str, list[str]] = defaultdict(list)
        for where, found in live.resources.items():
            for path in _HOLDS.get(found.kind, ()):
                value = found.fields.get(path)
                if not isinstance(value, list if path == "members" else str):
                    self._blind[found.kind].append(where)
                for target in used(found.kind, path, value):
                    self._users[target].append(where)

    def of(self, where: str) -> list[str]:
        return self._users.get(where, [])

    def hidden(self, where: str) -> list[str]:
        """Objects that may use `where`: nobody can tell."""
        return [user for kind in _HELD_BY.get(kind_of(where), ()) for user in self._blind.get(kind, ())]


def lets_go(change: Change, where: str) -> bool:
    """Whether its object does not use `where` any more after `change`."""
    if change.action is Action.DELETE:
        return True
    kind = kind_of(change.address)
    return any(
        item.path in _HOLDS.get(kind, ()) and where not in used(kind, item.path, item.after) for item in change.fields
    )


def stays(users: list[str], inventory: Inventory, live: Live) -> str:
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
        yield "storage", *(str(storage.get(part, "")) for part in ("name", "type", "account", "bucket", "folder"))
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
