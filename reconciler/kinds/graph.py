"""The graph of who uses whom: organization <- job -> repository -> proxy, or pool -> proxies.

Its edges are the fields of the kinds that refer to other kinds (`Field.refers`), so a new kind needs nothing here. One
graph serves every world: what is declared, what is live, and what a plan leaves behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

from reconciler.kinds import KINDS
from reconciler.kinds.field import Field, Mode
from reconciler.model.address import Address, address, kind_of, name_of
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource

Fields = Mapping[str, Any]


class Edge(NamedTuple):
    """The object at `source` names the one at `target` in its field `field`."""

    source: Address
    field: Field
    target: Address


def _is_edge(field: Field) -> bool:
    """A local field is a wish or a summary: the server knows of no such use."""
    return field.mode is not Mode.LOCAL and bool(field.refers) and KINDS.keys() >= set(field.refers)


EDGES: Final[Mapping[str, tuple[Field, ...]]] = {
    kind.name: tuple(field for field in kind.fields if _is_edge(field)) for kind in KINDS.values()
}
"""By kind, the fields that name objects which it uses."""

_NAMED_BY: Final = {
    kind: [(user, field.name) for user, fields in EDGES.items() for field in fields if kind in field.refers]
    for kind in KINDS
}
"""By kind, the edges that may lead there: (kind, field)."""


_MEMBERS: Final = KINDS["pool"].field("members")
_PROCESSORS: Final = KINDS["organization"].field("proxies")


def targets(field: Field, value: Any) -> tuple[Address, ...] | None:
    """What the value of an edge names; None if that cannot be seen."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        return None
    return tuple(Address(name) if field.addressed else address(field.refers[0], name) for name in names if name)


def gathered(field: Field, named: Mapping[str, Fields]) -> dict[str, list[str]]:
    """The values of a gathered field by the name of its object, from what an inventory says of the objects named. One
    that is to be removed names nothing."""
    found: dict[str, list[str]] = {}
    for name, values in named.items():
        if field.gathered in values and values.get("state") != "absent":
            found.setdefault(values[field.gathered], []).append(name)
    return {name: sorted(names) for name, names in found.items()}


def _is_reference(where: str) -> bool:
    return KINDS[kind_of(where)].reference


def lets_go(kind: str, after: Fields, where: str) -> bool:
    """Whether an object of `kind` whose fields become `after` names `where` no more. Only those that change are in
    `after`: one that is not keeps what it names."""
    fields = [field for field in EDGES.get(kind, ()) if kind_of(where) in field.refers and field.name in after]
    return any(where not in (targets(field, after[field.name]) or ()) for field in fields)


class Graph:
    """The objects of one world by address, each with its fields; queries answer in the order of the objects."""

    def __init__(self, objects: Mapping[str, Fields]) -> None:
        self._objects = objects

    @classmethod
    def of(cls, resources: Mapping[Address, Resource] | Mapping[Address, LiveResource]) -> Graph:
        return cls({where: found.fields for where, found in resources.items()})

    def edges(self) -> Iterator[Edge]:
        for where in self._objects:
            yield from self._edges_of(where)

    def uses(self, where: str, kind: str = "") -> list[Address]:
        """What an object names, in the order of its fields; with `kind` only such objects."""
        fields, found = self._objects.get(where, {}), list[Address]()
        for field in EDGES.get(kind_of(where), ()):
            if not kind or kind in field.refers:
                found += targets(field, fields.get(field.name)) or ()
        return [target for target in found if kind_of(target) == kind] if kind else found

    def users(self, where: str, kind: str = "") -> list[Address]:
        """The objects that name `where`; with `kind` only such objects."""
        return [user for user in self._users.get(where, ()) if not kind or kind_of(user) == kind]

    def hidden_users(self, where: str) -> list[Address]:
        """Objects that may name `where`: the field that would say so cannot be seen."""
        return [user for edge in _NAMED_BY.get(kind_of(where), ()) for user in self._hidden.get(edge, ())]

    def chain(self, *starts: str) -> list[Address]:
        """Objects and everything that they work through, nearest first. What is only referred to is not part of it."""
        found = dict.fromkeys(map(Address, starts))
        level = list(found)
        while level:
            named = (target for part in level for target in self.uses(part))
            level = [target for target in dict.fromkeys(named) if target not in found and not _is_reference(target)]
            found |= dict.fromkeys(level)
        return list(found)

    def members(self, pool: str) -> tuple[str, ...] | None:
        """Names of the proxies of a pool; None if they cannot be seen."""
        fields = self._objects.get(pool, {})
        found = targets(_MEMBERS, fields.get(_MEMBERS.name))
        return None if found is None else tuple(map(name_of, found))

    def processors(self, organization: str) -> list[Address] | None:
        """The proxies and pools that an organization names itself; None if they cannot be seen."""
        names = self._objects.get(organization, {}).get(_PROCESSORS.name)
        return [self._named(_PROCESSORS, name) for name in names] if isinstance(names, list) else None

    def owners(self, organization: str) -> list[Address]:
        """The proxies and pools behind the repositories of an organization's jobs."""
        stores = [store for job in self.users(organization, "job") for store in self.uses(job, "repository")]
        return list(dict.fromkeys(owner for store in stores for owner in self.uses(store)))

    def proxies(self, where: str) -> frozenset[str]:
        """Names of the known proxies that work for an object, members of pools one by one."""
        starts = self.owners(where) if kind_of(where) == "organization" else [where]
        known = (part for part in self.chain(*starts) if part in self._objects)
        return frozenset(name_of(part) for part in known if kind_of(part) == "proxy")

    def _named(self, field: Field, name: str) -> Address:
        """The object of one of several kinds that a name means: names are unique among those kinds."""
        known = (where for kind in reversed(field.refers) if (where := address(kind, name)) in self._objects)
        return next(known, address(field.refers[0], name))

    def _edges_of(self, where: str) -> Iterator[Edge]:
        fields = self._objects.get(where, {})
        for field in EDGES.get(kind_of(where), ()):
            for target in targets(field, fields.get(field.name)) or ():
                yield Edge(Address(where), field, target)

    @cached_property
    def _users(self) -> Mapping[str, list[Address]]:
        found: dict[str, list[Address]] = defaultdict(list)
        for edge in self.edges():
            found[edge.target].append(edge.source)
        return found

    @cached_property
    def _hidden(self) -> Mapping[tuple[str, str], list[Address]]:
        """By (kind, field), the objects of which it cannot be seen what they name there."""
        found: dict[tuple[str, str], list[Address]] = defaultdict(list)
        for where, fields in self._objects.items():
            for field in EDGES.get(kind_of(where), ()):
                if targets(field, fields.get(field.name)) is None:
                    found[kind_of(where), field.name].append(Address(where))
        return found
