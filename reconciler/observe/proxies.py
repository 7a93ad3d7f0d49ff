"""Live proxies and declared ones: matched by every name of either side that is at hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from reconciler.kinds import KINDS
from reconciler.kinds.field import Raw
from reconciler.kinds.naming import Naming
from reconciler.kinds.proxy_matching import Matches, Names, match
from reconciler.kinds.states import is_local
from reconciler.kinds.typed import typed
from reconciler.model.address import Address, address
from reconciler.model.inventory import LOCAL, Inventory, Resource
from reconciler.model.live import Gap, HostFacts
from reconciler.model.sentences import listed

ReportedNames = Callable[[str], Iterable[str]]
"""The names that the host of a declared proxy reports, by the name of the proxy."""

_FIX: Final = "Write the name that the server shows: host: {host}. If it is another machine, declare it as a proxy too."


def not_probed(_name: str) -> Iterable[str]:
    """What is known of hosts that were not probed."""
    return ()


def names_in(facts: HostFacts) -> tuple[str, ...]:
    """The names that a host reports."""
    host = facts.facts.get("host")
    return tuple(str(host[key]) for key in ("fqdn", "name") if host.get(key)) if isinstance(host, dict) else ()


def match_proxies(
    raws: Sequence[dict[str, Any]], inventory: Inventory, naming: Naming, reported: ReportedNames
) -> Matches:
    """The declared name of each live proxy by its index in `raws`."""
    shown = [typed(KINDS["proxy"], naming.rest, raw) for raw in raws]
    live = [Names.of(seen.get("hostName", ""), (seen.get("fqdn", ""),)) for seen in shown]
    declared = inventory.told_of_kind("proxy")
    has_local = any(item.is_local for item in declared)
    own = tuple(index for index, seen in enumerate(shown) if is_local(seen)) if has_local else ()
    for index in own:
        live[index] = Names()  # the name of its host is the server's, in any form
    names = {item.name: _names(item, naming, reported) for item in declared if not item.is_local}
    matches = match(names, live)
    if len(own) == 1:
        matches.found[own[0]] = LOCAL
    elif has_local:
        matches.ambiguous.append(((LOCAL,), own))
    return matches


def _names(proxy: Resource, naming: Naming, reported: ReportedNames) -> Names:
    connection = naming.connection(proxy.name)
    more = (connection.address, connection.verified_name) if connection is not None else ()
    return Names.of(str(proxy.fields.get("host", proxy.name)), more, lambda: reported(proxy.name))


def ambiguous_proxies(matches: Matches, named: Sequence[tuple[str, Raw]], known: Collection[Address]) -> Iterator[Gap]:
    """A gap for each declared proxy and each live one that it may be, unless the journal knows which one it is."""
    for group, candidates in matches.ambiguous:
        wanted = [name for name in group if address("proxy", name) not in known]
        there = [index for index in candidates if address("proxy", named[index][0]) not in known]
        if wanted and not candidates:
            yield Gap("proxy", "the server does not show which proxy is its own", LOCAL)
        if not wanted or not there:
            continue
        hosts = [str(named[index][1].get("hostName")) for index in there]
        word = "proxies" if len(wanted) > 1 else "proxy"
        detail = f"the declared {word} {listed(wanted)} may be the live {listed(hosts, 'or')}"
        for name in wanted:
            for index in there:
                where = address("proxy", named[index][0])
                yield Gap("proxy", detail, name.lower(), where, fix=_FIX.format(host=hosts[0]))
