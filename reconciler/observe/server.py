"""Reads the objects of the REST API, in the inventory's terms.

Collections are read whole and matched here, because the product has no filters by name. Kinds are read in order of
their references: the name of a job needs that of its organization.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from reconciler.kinds import KINDS, Kind
from reconciler.kinds.codec import owner_of
from reconciler.kinds.field import Raw
from reconciler.kinds.graph import Graph
from reconciler.kinds.matching import Matcher, ident_of, live_names
from reconciler.kinds.naming import Naming
from reconciler.kinds.proxy_matching import Matches
from reconciler.kinds.typed import typed
from reconciler.model.address import Address, address, name_of
from reconciler.model.errors import UNREADABLE
from reconciler.model.inventory import Inventory
from reconciler.model.live import Gap, LiveResource
from reconciler.model.recall import Memory
from reconciler.observe.chain import Raws, complete_jobs, complete_pools, link_jobs
from reconciler.observe.gaps import find_gaps, unhealthy
from reconciler.observe.items import ItemObjects, reads_items
from reconciler.observe.proxies import ReportedNames, ambiguous_proxies, match_proxies, not_probed
from reconciler.observe.storage import complete_repositories
from reconciler.observe.undecoded_digests import unknown_digests
from reconciler.observe.unread import Unread, is_needed

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader


class ServerObjects(NamedTuple):
    """What a server shows: objects by address, and what is missing."""

    resources: dict[Address, LiveResource]
    gaps: tuple[Gap, ...]


def read_server(
    reader: Reader,
    inventory: Inventory,
    naming: Naming,
    reported: ReportedNames = not_probed,
    *,
    memory: Memory | None = None,
    whole: bool = False,
    digests: bool = True,
) -> ServerObjects:
    """Every object of every kind that this REST version has. Declared ones carry their declared names. `reported` gives
    the names that the host of a declared proxy reports; `memory` recognises objects that have other names now.
    `whole` also reads what takes separate requests and is not declared: items of jobs, and what repositories and mail
    settings refer to. With `digests`, objects have those of what is unknown."""
    memory = memory or Memory()
    unread = Unread()
    raws = _read_collections(reader, inventory, unread, whole=whole)
    if "repository" in raws:
        complete_repositories(reader, raws["repository"], inventory, naming, unread, whole=whole)
    found: dict[Address, LiveResource] = {}
    listed: dict[str, list[tuple[str, Raw]]] = {}
    proxies = match_proxies(raws["proxy"], inventory, naming, reported)
    declared: set[Address] = set()
    objects = ItemObjects(reader, inventory, naming)
    for kind in KINDS.values():
        if kind.name not in raws:
            continue
        matcher = _match(kind, raws, reader, inventory, naming, memory, proxies, unread, whole=whole)
        doubtful = {index for _, there in proxies.ambiguous for index in there} if kind.name == "proxy" else set()
        listed[kind.name] = _named(kind, matcher, inventory, naming, memory, doubtful - matcher.found.keys())
        declared |= {item.address for item in matcher.found.values()}
        for name, seen in listed[kind.name]:
            if kind.name == "job":
                objects.learn(address("job", name), seen)
            resource = _decode(kind, name, seen, naming, digests=digests)
            found[address(kind.name, name)] = _with_owner(resource, inventory, memory)
    objects.learn_new(set(found))
    naming.directory = objects.found
    _add_processing(found)
    gaps = [
        *find_gaps(listed, naming, declared, unread.kinds),
        *ambiguous_proxies(proxies, listed["proxy"], declared),
        *unread.gaps(listed.get("job", ())),
    ]
    return ServerObjects(found, (*gaps, *unhealthy(reader, listed, inventory, gaps)))


def _read_collections(reader: Reader, inventory: Inventory, unread: Unread, *, whole: bool) -> Raws:
    """What is not needed may be `unread`, but not everything."""
    raws: Raws = {}
    for kind in KINDS.values():
        if not kind.collection or not kind.in_version(reader.rest):
            continue
        try:
            if kind.singleton:
                wanted = whole or inventory.of_kind(kind.name)
                raws[kind.name] = [reader.get(kind.collection)] if wanted else []
            else:
                raws[kind.name] = reader.list(kind.collection)
        except UNREADABLE as error:
            if is_needed(kind.name, inventory):
                raise
            raws[kind.name], unread.kinds[kind.name] = [], error
    if unread.kinds and not any(raws.values()):
        raise next(iter(unread.kinds.values()))
    return raws


def _match(
    kind: Kind,
    raws: Raws,
    reader: Reader,
    inventory: Inventory,
    naming: Naming,
    memory: Memory,
    proxies: Matches,
    unread: Unread,
    *,
    whole: bool,
) -> Matcher:
    """Which live objects are declared ones, with what is read elsewhere added to `raws`."""
    if kind.name == "job":
        link_jobs(reader, raws["job"], raws["organization"])
    listed = [typed(kind, naming.rest, raw) for raw in raws[kind.name]]
    declared = inventory.told_of_kind(kind.name)
    named = None
    if kind.name == "proxy":
        by_name = {item.name: item for item in declared}
        named = {index: by_name[name] for index, name in proxies.found.items()}
    matcher = Matcher(kind, declared, listed, naming, memory, inventory.name, named)
    wanted = [(matcher.found.get(index), raw) for index, raw in enumerate(raws[kind.name])]
    if kind.name == "pool":
        complete_pools(reader, wanted, raws["proxy"])
    elif kind.name == "job":
        owner = inventory.name if reads_items(matcher.left()) else ""
        complete_jobs(reader, wanted, owner, unread, whole=whole)
    matcher.add_marked()
    return matcher


def _named(
    kind: Kind, matcher: Matcher, inventory: Inventory, naming: Naming, memory: Memory, doubtful: Collection[int]
) -> list[tuple[str, Raw]]:
    """Live objects with their names here; their ids are added to `naming`, but for those that are `doubtful`."""
    declared = (item.name for item in inventory.told_of_kind(kind.name))
    names = live_names(kind, matcher.listed, matcher.found, declared, memory)
    for index, (name, seen) in enumerate(zip(names, matcher.listed, strict=True)):
        if ident_of(seen) and index not in doubtful:
            naming.learn(kind.name, name, ident_of(seen))
    return list(zip(names, matcher.listed, strict=True))


def _decode(kind: Kind, name: str, seen: Raw, naming: Naming, *, digests: bool) -> LiveResource:
    fields = {field.name: field.from_api(seen, naming) for field in kind.fields}
    state = kind.state(seen, naming.rest) if kind.state else None
    unknown = unknown_digests(kind, seen, fields, naming) if digests else {}
    return LiveResource(kind.name, name, ident_of(seen), fields, owner_of(seen), state, unknown)


def _with_owner(found: LiveResource, inventory: Inventory, memory: Memory) -> LiveResource:
    """An object without a mark is still this inventory's if it had the mark at the last apply. A kind without marks is
    known from the memory alone."""
    if found.owner or not memory.is_ours(found.kind, found.id):
        return found
    return replace(found, owner=inventory.name, unmarked=KINDS[found.kind].is_marked)


def _add_processing(found: dict[Address, LiveResource]) -> None:
    """The product has no field for the proxies that process an organization: its jobs say it."""
    graph = Graph.of(found)
    for where, resource in list(found.items()):
        if resource.kind == "organization":
            fields = {**resource.fields, "proxies": sorted({name_of(owner) for owner in graph.owners(where)})}
            found[where] = replace(resource, fields=fields)
