"""Which proxies process which organization once a plan is done: organization <- job -> repository -> proxy or pool."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change

Objects = Mapping[str, Mapping[str, Any]]
"""Fields by address."""

_ADDING = (Action.CREATE, Action.TAKEOVER)


def objects_after(changes: Iterable[Change], inventory: Inventory, live: Live) -> Objects:
    """The objects of the server as they are once `changes` are done; blocked ones are not."""
    found = {str(where): dict(item.fields) for where, item in live.resources.items()}
    for change in changes:
        if change.blocked:
            continue
        declared = inventory.resources.get(Address(change.address))
        if change.action is Action.DELETE:
            found.pop(change.address, None)
        elif change.action in _ADDING and declared is not None:
            found[change.address] = dict(declared.fields)
        elif change.address in found:
            found[change.address] |= {item.path: item.after for item in change.fields}
    return found


def serving(objects: Objects) -> dict[str, frozenset[str]]:
    """Names of proxies by name of organization, members of pools one by one. A chain with a part that is not known
    leads nowhere: it is not counted."""
    found: dict[str, set[str]] = defaultdict(set)
    for where, job in objects.items():
        if kind_of(where) != "job" or not isinstance(job.get("organization"), str):
            continue
        repository = objects.get(f"repository.{job.get('repository')}", {})
        found[job["organization"]] |= _proxies(repository.get("owner"), objects)
    return {organization: frozenset(names) for organization, names in found.items()}


def _proxies(owner: Any, objects: Objects) -> set[str]:
    if not isinstance(owner, str) or owner not in objects:
        return set()
    if kind_of(owner) == "proxy":
        return {name_of(owner)}
    members = objects[owner].get("members")
    return {name for name in members if f"proxy.{name}" in objects} if isinstance(members, list) else set()
