"""Objects of a server that an inventory cannot tell apart: those with one name, and proxies on one host.

An inventory names objects, so of several with one name it can name the one that a plan takes for it; see
`kinds.matching` and `kinds.proxy_matching`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.importing.entries import LiveObjects, Omission
from reconciler.kinds import KINDS, Mode
from reconciler.kinds.graph import Graph
from reconciler.kinds.proxy_matching import Names, match
from reconciler.model.address import Address, address
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.value import UNKNOWN


def namesakes(live: LiveObjects, declared: Mapping[Address, Resource], owner: str) -> Iterator[Omission]:
    """The objects that another one keeps from being imported. `owner` is the name of the inventory."""
    groups: dict[tuple[str, ...], list[Address]] = defaultdict(list)
    for where, found in live.items():
        if found.kind != "proxy" and (key := _key(found)):
            groups[found.kind, *key].append(where)
    for (kind, *_), group in groups.items():
        named = [where for where in group if where in declared]
        named = named or [min(group, key=lambda where: (live[where].owner != owner, live[where].id.lower()))]
        yield from (Omission(where, "", _reason(kind)) for where in group if where not in named)
    for where in _same_hosts(live, declared):
        yield Omission(where, "", "another proxy has the same host or host name")


def _key(found: LiveResource) -> tuple[str, ...]:
    kind = KINDS[found.kind]
    name = found.fields.get("name", "")
    shown = [found.fields[item.name] for item in kind.fields if item.mode is Mode.KEY and item.refers]
    if kind.singleton or UNKNOWN in (name, *shown):
        return ()
    return (*shown, kind.wanted_key(str(name), found.fields))


def _reason(kind: str) -> str:
    if kind == "copy_job":
        return "another copy job copies the same job"
    of = " in its organization" if kind == "job" else ""
    return f"another {kind} has the same name{of}, and an inventory can name one of them"


def _same_hosts(live: LiveObjects, declared: Mapping[Address, Resource]) -> Iterator[Address]:
    """Proxies that would not be recognised by what an inventory says of them. One that is used precedes."""
    proxies = [where for where, found in live.items() if found.kind == "proxy" and not found.proxy.is_local]
    there = [_names(live[where]) for where in proxies]
    hosts = {where: str(declared[where].fields["host"]) if where in declared else there[at].host
             for at, where in enumerate(proxies)}  # fmt: skip
    found = match({where: Names.of(host) for where, host in hosts.items()}, there)
    users = Graph.of(live).users
    for group, candidates in found.ambiguous:
        members, near = [Address(where) for where in group], {proxies[at]: there[at] for at in candidates}
        kept: list[Address] = []
        for where in sorted(members, key=lambda where: (where not in declared, not users(where), live[where].id)):
            if _are_recognised([*kept, where], hosts, near):
                kept.append(where)
        yield from (where for where in members if where not in kept and where not in declared)


def _names(found: LiveResource) -> Names:
    return Names.of(found.proxy.host or "", (found.proxy.fqdn,))


def _are_recognised(wanted: Sequence[Address], hosts: Mapping[Address, str], near: Mapping[Address, Names]) -> bool:
    found = match({where: Names.of(hosts[where]) for where in wanted}, list(near.values())).found
    return {list(near)[index]: name for index, name in found.items()} == {where: where for where in wanted}


def titles(live: LiveObjects, declared: Collection[str]) -> dict[Address, str]:
    """What objects are called for people: a declared one by its address, any other by its name on the server, with what
    distinguishes it behind. This does not depend on what else is declared."""
    plain = {where: _plain(where, found) for where, found in live.items()}
    longer = {where: f"{plain[where]} ({_distinction(found, live)})" for where, found in live.items()}
    some, more = Counter(plain.values()), Counter(longer.values())

    def title(where: Address) -> str:
        if where in declared:
            return where
        if some[plain[where]] == 1:
            return plain[where]
        return longer[where] if more[longer[where]] == 1 else f"{plain[where]} ({live[where].id})"

    return {where: title(where) for where in live}


def _plain(where: Address, found: LiveResource) -> str:
    return where if KINDS[found.kind].singleton else f"{found.kind}.{_name(found)}"


def _distinction(found: LiveResource, live: LiveObjects) -> str:
    """The organization of a job, the id of anything else."""
    organization = live.get(address("organization", str(found.fields.get("organization"))))
    return _name(organization) if organization is not None else found.id


def _name(found: LiveResource) -> str:
    name = found.fields.get("host" if found.kind == "proxy" else "name")
    return str(name) if name and name is not UNKNOWN else found.name
