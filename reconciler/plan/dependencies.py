"""What each change depends on, and what prevents a delete.

An object is deleted after each of its users was deleted, or changed so that it does not use the object. A user that
remains prevents the delete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds import KINDS
from reconciler.kinds.graph import Graph, lets_go
from reconciler.kinds.storage_settings import PREFIX, is_on_object_storage
from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change
from reconciler.model.steps import ChangePoolMembers, CreateObject
from reconciler.model.value import UNKNOWN
from reconciler.plan.batches import disrupts_proxy, restores_first

_HOST_RANK, _RUN_RANK, _DELETE_RANK = 15, 90, 200
_ENDING = (Action.DELETE, Action.REPLACE)


def rank_of(change: Change) -> int:
    kind = kind_of(change.address)
    if change.action is Action.DELETE:
        return _DELETE_RANK - KINDS[kind].rank
    if change.action is Action.RUN:
        return _RUN_RANK
    if kind == "host":
        return _HOST_RANK
    return KINDS[kind].rank - (2 if restores_first(change) else 1 if change.action is Action.UPGRADE else 0)


class Dependencies:
    """The dependencies of `changes`, in indexes."""

    def __init__(self, changes: Sequence[Change], inventory: Inventory, live: Live) -> None:
        self._inventory, self._live = inventory, live
        self._declared, self._seen = Graph.of(inventory.resources), Graph.of(live.resources)
        self._claims = Claims(live)
        self._at: dict[str, list[Change]] = defaultdict(list)
        self._runs: dict[str, list[Change]] = defaultdict(list)
        self._leaving: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            self._at[change.address].append(change)
            if change.action is Action.RUN:
                for part in self._declared.chain(change.address):
                    self._runs[part].append(change)
            for member in _members(change, "leave"):
                self._leaving[member].append(change)

    def of(self, change: Change) -> list[Change]:
        if change.action is Action.DELETE:
            return self._releasing(change)
        found = [item for item in self._at[change.address] if rank_of(item) < rank_of(change)]
        for where in self._parts(change):
            found += [item for item in self._at.get(where, ()) if _is_needed(item, change)]
        if change.action is Action.UPGRADE and kind_of(change.address) == "repository":
            parts = self._seen.chain(change.address)
            found += [item for where in parts for item in self._at.get(where, ()) if item.action is Action.UPGRADE]
        if change.action is Action.RUN:  # a copy is one of what its job backs up
            jobs = (part for part in self._parts(change) if kind_of(part) == "job")
            found += [item for where in jobs for item in self._at.get(where, ()) if item.action is Action.RUN]
        for member in _members(change, "join"):  # a proxy is in one pool at the most
            found += self._leaving[member]
        for member in self._pool_of(disrupts_proxy(change)):
            found += [item for item in self._at.get(member, ()) if restores_first(item)]
        if change.action is Action.CREATE:
            found += self._in_the_way(change)
        elif change.action is Action.REPLACE:
            found += self._releasing(change)
        return [item for item in found if item.action != change.action or item.address != change.address]

    def kept(self, change: Change) -> str:
        """Why an object cannot be deleted: what uses it remains."""
        if change.action not in _ENDING:
            return ""
        joined = {f"pool.{step.name}" for step in change.steps if isinstance(step, ChangePoolMembers)}
        where = change.address
        left = [user for user in self._seen.users(where) if user not in joined and not self._release(user, where)]
        if left:
            return _in_use_by(left, self._inventory, self._live)
        hidden = [user for user in self._seen.hidden_users(where) if not self._release(user, where)]
        return f"cannot determine whether {', '.join(sorted(hidden))} uses it" if hidden else ""

    def _pool_of(self, proxy: str) -> list[Address]:
        """The members of the pool of a proxy."""
        pools = self._seen.users(f"proxy.{proxy}", "pool")
        return [member for pool in pools for member in self._seen.uses(pool)]

    def _parts(self, change: Change) -> list[str]:
        """Addresses that the object of `change` refers to, or works through."""
        where = change.address
        if Address(where) not in self._inventory.resources:
            return []
        if change.action is Action.RUN:
            chain = self._declared.chain(where)
            hosts = [f"host.{name_of(part)}" for part in chain if kind_of(part) == "proxy"]
            return [*chain, *hosts, "smtp"]
        own = [f"host.{name_of(where)}", "certificate"] if kind_of(where) == "proxy" else []
        return [*own, *self._declared.uses(where)]

    def _release(self, user: str, where: str) -> list[Change]:
        """The changes after which `user` does not use `where`."""
        return [item for item in self._at.get(user, ()) if _releases(item, where)]

    def _releasing(self, change: Change) -> list[Change]:
        """The changes that release the object of `change`, and the job runs that verify them."""
        found: list[Change] = []
        for user in (*self._seen.users(change.address), *self._seen.hidden_users(change.address)):
            for item in self._release(user, change.address):
                found += [item, *(self._runs[user] if change.action is Action.DELETE else ())]
        return found

    def _in_the_way(self, change: Change) -> list[Change]:
        """Deletes of objects that hold an exclusive claim of the new object."""
        resource = self._inventory.resources[Address(change.address)]
        holders = self._claims.in_the_way(resource.kind, resource.fields)
        return [item for where in holders for item in self._at.get(where, ()) if item.action is Action.DELETE]


def _is_needed(part: Change, change: Change) -> bool:
    """Whether a change of what the object of `change` refers to, or works through, comes first. A job can be changed
    while its repository is out of date; it cannot run."""
    if part.action is Action.UPGRADE and kind_of(part.address) == "repository":
        return change.action is not Action.UPDATE
    if restores_first(change) and disrupts_proxy(part):
        return False  # which waits for it
    return part.action is not Action.RUN


def _members(change: Change, side: str) -> set[str]:
    found: set[str] = set()
    for step in change.steps:
        if isinstance(step, ChangePoolMembers) and kind_of(change.address) == "pool":
            found |= set(step.join if side == "join" else step.leave)
        elif isinstance(step, CreateObject) and side == "join":
            found |= set(step.fields.get("members", ()))
    return found


def _releases(change: Change, where: str) -> bool:
    """Whether the object of `change` does not use `where` after it."""
    after = {item.path: item.after for item in change.fields}
    return change.action is Action.DELETE or lets_go(kind_of(change.address), after, where)


def _in_use_by(users: Iterable[str], inventory: Inventory, live: Live) -> str:
    """The sentence that names the users of an object."""
    names = []
    for user in sorted(users):
        foreign = user not in inventory.resources and live.resources[Address(user)].owner != inventory.name
        names.append(f"{user} (external)" if foreign else user)
    return f"it is in use by {', '.join(names)}; move or delete its users first"


def _claims(kind: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What only one object at a time can have: a proxy is in one pool, a folder or a bucket has one repository, an
    organization has one job for all its items (facts, 2.9, 5.2 and 6.2)."""
    if kind == "pool" and isinstance(fields.get("members"), list):
        for name in fields["members"]:
            yield "member", name
    elif kind == "job" and fields.get("items") == "all":
        yield "whole", str(fields.get("organization")).lower()
    elif kind == "repository" and is_on_object_storage(fields):
        place = [fields.get(PREFIX + part) for part in ("type", "bucket", "folder")]
        if isinstance(name := fields.get(f"{PREFIX}name"), str):
            yield "linked", name
        if fields.get(f"{PREFIX}bucket") and UNKNOWN not in place:
            yield "storage", *map(str, place)
    elif kind == "repository" and isinstance(fields.get("path"), str) and fields["path"]:
        yield "folder", str(fields.get("owner")), fields["path"].lower().rstrip("\\/")


class Claims:
    """The exclusive claims of live objects."""

    def __init__(self, live: Live) -> None:
        self._holders: dict[tuple[str, ...], str] = {
            claim: where for where, found in live.resources.items() for claim in _claims(found.kind, found.fields)
        }

    def in_the_way(self, kind: str, fields: Mapping[str, Any]) -> list[Address]:
        """Live objects that hold a claim which a new object with `fields` needs."""
        return [Address(self._holders[claim]) for claim in _claims(kind, fields) if claim in self._holders]
