"""Reads the objects of the REST API, in the inventory's terms.

Collections are read whole and matched here, because the product has no filters by name. Kinds are read in order of
their references: the name of a job needs that of its organization.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from reconciler.kinds import KINDS, Kind
from reconciler.kinds.codec import owner_of
from reconciler.kinds.field import Raw
from reconciler.kinds.graph import Graph
from reconciler.kinds.naming import Naming
from reconciler.kinds.proxy_names import Matches
from reconciler.kinds.typed import typed
from reconciler.model.address import Address, address, name_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Gap, LiveResource
from reconciler.observe.chain import Raws, complete_jobs, complete_pools
from reconciler.observe.gaps import find_gaps, unhealthy
from reconciler.observe.proxies import ReportedNames, ambiguous_proxies, match_proxies, not_probed
from reconciler.observe.storage import complete_repositories
from reconciler.observe.unknown import unknown_digests

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader


class ServerObjects(NamedTuple):
    """What a server shows: objects by address, and what is missing."""

    resources: dict[Address, LiveResource]
    gaps: tuple[Gap, ...]


def read_server(
    reader: Reader, inventory: Inventory, naming: Naming, reported: ReportedNames = not_probed
) -> ServerObjects:
    """Every object of every kind that this REST version has. Declared ones carry their declared names. `reported` gives
    the names that the host of a declared proxy reports."""
    raws = _read_collections(reader, inventory)
    complete_pools(reader, raws, inventory, naming)
    if "repository" in raws:
        complete_repositories(reader, raws["repository"], inventory, naming)
    found: dict[Address, LiveResource] = {}
    listed: dict[str, list[tuple[str, Raw]]] = {}
    proxies = match_proxies(raws["proxy"], inventory, naming, reported)
    for kind in KINDS.values():
        if kind.name not in raws:
            continue
        if kind.name == "organization":
            _match(kind, raws[kind.name], inventory, naming, proxies)
            complete_jobs(reader, raws["job"], inventory, naming)
        listed[kind.name] = _match(kind, raws[kind.name], inventory, naming, proxies)
        for name, seen in listed[kind.name]:
            found[address(kind.name, name)] = _decode(kind, name, seen, naming)
    _add_processing(found)
    gaps = [*find_gaps(listed, naming), *ambiguous_proxies(proxies, listed["proxy"])]
    return ServerObjects(found, (*gaps, *unhealthy(reader, listed, inventory, gaps)))


def _read_collections(reader: Reader, inventory: Inventory) -> Raws:
    raws: Raws = {}
    for kind in KINDS.values():
        if not kind.collection or not kind.in_version(reader.rest):
            continue
        if kind.singleton:
            raws[kind.name] = [reader.get(kind.collection)] if inventory.of_kind(kind.name) else []
        else:
            raws[kind.name] = reader.list(kind.collection)
    return raws


def _match(
    kind: Kind, raws: Iterable[Raw], inventory: Inventory, naming: Naming, proxies: Matches
) -> list[tuple[str, Raw]]:
    """Live objects with their names in the inventory; their ids are added to `naming`, unless it is ambiguous which
    ones they are. An object with the former name of a declared one is that object."""
    wanted: dict[str, Resource] = {
        kind.wanted_key(resource.name, resource.fields): resource for resource in inventory.told_of_kind(kind.name)
    }
    listed = [typed(kind, naming.rest, raw) for raw in raws]
    there = {kind.live_key(seen, naming) for seen in listed}
    renamed = {
        kind.wanted_key(str(resource.fields["formerly"]), resource.fields): resource
        for key, resource in wanted.items()
        if "formerly" in resource.fields and key not in there
    }
    known = {**renamed, **wanted}
    taken = {resource.name for resource in wanted.values()}
    named = []
    doubtful = {index for _, there in proxies.ambiguous for index in there} if kind.name == "proxy" else ()
    for index, seen in enumerate(listed):
        key = kind.live_key(seen, naming)
        if kind.name == "proxy" and index in proxies.found:
            name = proxies.found[index]
        elif kind.name != "proxy" and key in known and (key or kind.singleton):
            name = known[key].name
        else:
            name = _own_name(kind, seen)
            while name in taken:
                name += f" ({_ident(seen)[:8]})"
        taken.add(name)
        if _ident(seen) and index not in doubtful:
            naming.learn(kind.name, name, _ident(seen))
        named.append((name, seen))
    return named


def _own_name(kind: Kind, seen: Raw) -> str:
    return "" if kind.singleton else str(seen.get("hostName") or seen.get("name") or _ident(seen) or "?")


def _ident(seen: Raw) -> str:
    return str(seen.get("id", ""))


def _decode(kind: Kind, name: str, seen: Raw, naming: Naming) -> LiveResource:
    fields = {field.name: field.from_api(seen, naming) for field in kind.fields}
    state = kind.state(seen, naming.rest) if kind.state else None
    unknown = unknown_digests(kind, seen, fields, naming)
    return LiveResource(kind.name, name, _ident(seen), fields, owner_of(seen), state, unknown)


def _add_processing(found: dict[Address, LiveResource]) -> None:
    """The product has no field for the proxies that process an organization: its jobs say it."""
    graph = Graph.of(found)
    for where, resource in list(found.items()):
        if resource.kind == "organization":
            fields = {**resource.fields, "proxies": sorted({name_of(owner) for owner in graph.owners(where)})}
            found[where] = replace(resource, fields=fields)
