"""What the answers of a server miss that must be there: each is a gap, and nothing is deleted because of one.

REST v8 answers with empty lists while its message broker or its database fails (facts, 2.8 and 5.2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from reconciler.kinds import KINDS
from reconciler.kinds.field import Raw
from reconciler.kinds.naming import Naming
from reconciler.kinds.states import health_of
from reconciler.model.address import Address, address
from reconciler.model.errors import Missing, RemoteError
from reconciler.model.inventory import Inventory
from reconciler.model.live import Gap
from reconciler.model.state import Health

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader

Listed = Mapping[str, Sequence[tuple[str, Raw]]]
"""By kind, the objects of a server, each with the name that it goes by."""

HEALTH_SINCE: Final = 8

_LINKS: Final = (
    # kind, property, kind of the object with that id
    ("proxy", "proxyPoolId", "pool"),
    ("repository", "proxyId", "proxy"),
    ("repository", "proxyPoolId", "pool"),
    ("job", "repositoryId", "repository"),
    ("job", "organizationId", "organization"),
    ("copy_job", "backupJobId", "job"),
    ("copy_job", "repositoryId", "repository"),
)

_IDENTIFIED_BY: Final = {"copy_job": "backup job", "proxy": "host name", "job": "name and its organization"}
"""By kind, what an object is identified by, if it is not its name."""
_IDENTIFIED_IN: Final = {"copy_job": "job", "job": "organization"}
"""By kind, the kind of what else its objects are identified by."""


def find_gaps(listed: Listed, naming: Naming, declared: Collection[Address], unread: Collection[str]) -> Iterator[Gap]:
    """The gaps in what a server lists. `declared` are the objects that are known to be declared ones; kinds that are
    `unread` have a gap already."""
    if not listed["proxy"] and "proxy" not in unread:
        yield Gap("proxy", "the server lists no proxy, not even its own")
    yield from _dangling(listed, declared, unread)
    for kind, objects in listed.items():
        if KINDS[kind].singleton or _IDENTIFIED_IN.get(kind) in unread:
            continue
        for name, seen in objects:
            where = address(kind, name)
            if not KINDS[kind].live_key(seen, naming):
                what = _IDENTIFIED_BY.get(kind, "name")
                known = str(seen.get("name", "")) if kind == "job" else ""
                detail, is_known = f"the server does not show the {what} of {where}", where in declared
                yield Gap(kind, detail, known.lower(), where, is_known, aside=not is_known)
            elif not seen.get("id"):
                yield Gap(kind, f"the server does not show the id of {where}", name.lower(), where, identified=True)


def _dangling(listed: Listed, declared: Collection[Address], unread: Collection[str]) -> Iterator[Gap]:
    """Objects that others name and the server does not list."""
    users: dict[tuple[str, str], list[Address]] = defaultdict(list)
    there = {kind: {str(seen.get("id")).lower() for _, seen in objects} for kind, objects in listed.items()}
    for kind, link, target in (found for found in _LINKS if found[-1] not in unread):
        for name, seen in listed.get(kind, ()):
            if seen.get(link) and seen[link].lower() not in there.get(target, ()):
                users[target, seen[link].lower()].append(address(kind, name))
    for (target, ident), names in sorted(users.items()):
        who = f"{names[0]} and {len(names) - 1} more use" if len(names) > 1 else f"{names[0]} uses"
        detail = f"the server does not list the {target} {ident} that {who}"
        yield Gap(target, detail, aside=not any(name in declared for name in names))


def unhealthy(reader: Reader, listed: Listed, inventory: Inventory, gaps: Sequence[Gap]) -> Iterator[Gap]:
    """A gap for everything if the server is unhealthy. It is asked only if its answers look incomplete: they have gaps,
    or no object of a kind that the inventory declares."""
    empty = sorted(KINDS[kind].section for kind, found in listed.items() if not found and inventory.of_kind(kind))
    if reader.rest < HEALTH_SINCE or not (gaps or empty):
        return
    try:
        health, parts = health_of(reader.get("Health"))
    except Missing:
        return
    except RemoteError as error:
        yield Gap("", f"the health of the server is unknown: {error.reason}")
        return
    if health is Health.UNHEALTHY:
        failing = ", ".join(name for name, part in parts.items() if part is Health.UNHEALTHY)
        without = f" and lists no {', '.join(empty)}" if empty else ""
        yield Gap("", f"the server is unhealthy{f' ({failing})' if failing else ''}{without}")
