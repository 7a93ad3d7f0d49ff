"""The users, groups, sites and teams that items of jobs name.

An item that a job has already shows its object; only those of new items are looked up in their organization. So a plan
without differences takes no request for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds import KINDS
from reconciler.kinds.field import Raw
from reconciler.kinds.item_types import BY_API, ItemType, ident_of, matching, plain_name
from reconciler.kinds.job_items import Item, items_of
from reconciler.kinds.naming import Naming
from reconciler.model.address import Address
from reconciler.model.errors import Missing, RemoteError, UnknownName
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import LookUp
from reconciler.model.sentences import nearest

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader

ITEM_LISTS: Final = (
    # field, property, collection below a job
    ("items", "selectedItems", "SelectedItems"),
    ("exclude", "excludedItems", "ExcludedItems"),
)


def reads_items(jobs: Iterable[Resource]) -> bool:
    """Whether one of these jobs declares a list of items."""
    return any(isinstance(job.fields.get("items"), list) for job in jobs)


def without_items(inventory: Inventory, kept: Callable[[Address], bool] = lambda _: False) -> Inventory:
    """`inventory` without the items of its jobs, except those with addresses that are `kept`. A list of items takes a
    request (v8), and what is not declared is not read."""

    def left(where: Address, found: Resource) -> Resource:
        if found.kind != "job" or kept(where):
            return found
        names = [field for field, _, _ in ITEM_LISTS]
        return found._replace(fields={name: value for name, value in found.fields.items() if name not in names})

    return replace(inventory, resources={where: left(where, found) for where, found in inventory.resources.items()})


def is_compared(job: Resource, field: str) -> bool:
    """Whether a list of items of an existing job is compared with what is declared."""
    described = KINDS["job"].field(field)
    value = job.fields.get(field)
    return value is not None and not described.is_left_alone(value, job.positions)


class ItemObjects:
    """Looks up the objects of declared items. `found` has the results, by organization, type and name in lower case."""

    def __init__(self, reader: Reader, inventory: Inventory, naming: Naming) -> None:
        self.found: dict[tuple[str, str, str], LookUp] = {}
        self._reader = reader
        self._naming = naming
        self._declared = {job.address: job for job in inventory.of_kind("job")}
        self._lists: dict[tuple[str, str], list[Raw]] = {}

    def learn(self, where: Address, seen: Raw | None) -> None:
        """Give the objects of a job the names that its declaration uses. `seen` is the live job, None for a new one."""
        job = self._declared.get(where)
        if job is None:
            return
        for field, name, _ in ITEM_LISTS:
            if seen is not None and not is_compared(job, field):
                continue
            there = list(_objects(seen.get(name))) if seen is not None else []
            for item in items_of(job.fields.get(field)):
                if item.type.holder:
                    self._learn(str(job.fields.get("organization", "")), item, there)

    def learn_new(self, live: set[Address]) -> None:
        """The same for the declared jobs that are not on the server."""
        for where in self._declared.keys() - live:
            self.learn(where, None)

    def _learn(self, organization: str, item: Item, there: Sequence[tuple[ItemType, Raw]]) -> None:
        known = matching(item.type, item.name, (seen for kind, seen in there if kind is item.type))
        if len(known) != 1:
            key = (organization, item.word, plain_name(item.name))
            if key not in self.found:
                self.found[key] = (
                    LookUp(tuple(dict(seen) for seen in known)) if known else self._look_up(organization, item)
                )
            known = list(self.found[key].objects)
        if len(known) == 1:
            self._naming.learn(item.word, item.name, ident_of(item.type, known[0]))

    def _look_up(self, organization: str, item: Item) -> LookUp:
        try:
            return self._candidates(self._naming.id_of("organization", organization), item)
        except UnknownName as error:
            return LookUp(problem=str(error))
        except Missing:
            return LookUp(problem=f"REST v{self._reader.rest} does not list the {item.type.section} of organizations")
        except RemoteError as error:
            return LookUp(problem=error.reason)

    def _candidates(self, organization: str, item: Item) -> LookUp:
        """By the filter for exact names, then among all, where the name may be a display name."""
        kind, path = item.type, f"Organizations/{organization}/{item.type.collection}"
        if kind.query:
            query: dict[str, Any] = {kind.query: item.name}
            found = matching(kind, item.name, self._reader.list(path, **query))
            if found:
                return LookUp(tuple(found))
        more: dict[str, Any] = {"includePersonalSites": "true"} if "/personal/" in item.name else {}
        key = (path, str(more))
        if key not in self._lists:
            self._lists[key] = list(self._reader.list(path, **more))
        parts = reversed(kind.names)  # the unique name comes last, and wins
        names = [seen[part] for part in parts for seen in self._lists[key] if isinstance(seen.get(part), str)]
        found = matching(kind, item.name, self._lists[key])
        return LookUp(tuple(found), near="" if found else _near(item.name, names))


def _objects(items: Any) -> Iterator[tuple[ItemType, Raw]]:
    """The objects of a list of items that shows them."""
    for item in items or ():
        kind = BY_API.get(str(item.get("type")).lower())
        if kind is not None and kind.holder and item.get(kind.holder):
            yield kind, item[kind.holder]


def _near(name: str, names: Sequence[str]) -> str:
    """The name that is most likely meant. Addresses of one organization differ in one part only."""
    by_part = {_part(known): known for known in names}
    return by_part.get(nearest(_part(name), by_part), "")


def _part(name: str) -> str:
    return name.partition("@")[0].rpartition("/")[2].casefold()
