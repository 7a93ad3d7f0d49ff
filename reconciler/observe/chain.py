"""References between objects that the API only hints at: members of pools, organizations and items of jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds import KINDS
from reconciler.kinds.codec import owner_of
from reconciler.kinds.field import Raw
from reconciler.kinds.typed import typed
from reconciler.model.errors import UNREADABLE, Missing, Refused
from reconciler.model.inventory import Resource
from reconciler.observe.items import ITEM_LISTS, is_compared
from reconciler.observe.workers import workers
from reconciler.waits import result

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader
    from reconciler.observe.unread import Unread


Raws = dict[str, list[dict[str, Any]]]
"""By kind, the objects of the server as they came."""


_SIDE_BY_SIDE: Final = 20
"""Requests at a time for what must be asked one by one: as many connections are kept open."""

Wanted = Sequence[tuple[Resource | None, dict[str, Any]]]
"""The objects of a kind as they came, each with the declared one that it is, if it is one."""


def complete_pools(reader: Reader, pools: Wanted, proxies: Iterable[Raw]) -> None:
    """A pool does not list its members: each proxy names its pool (`proxyPoolId`, v8), and has null or nothing there if
    it is in none. A pool is asked itself before a declared member counts as missing. Members are unknown if the two
    disagree, or if a proxy names no pool that is listed."""
    members: dict[str, set[str]] = {str(pool.get("id")).lower(): set() for _, pool in pools}
    unread = False
    for raw in proxies:
        proxy = typed(KINDS["proxy"], reader.rest, raw)
        named = str(raw.get("proxyPoolId") or "").lower()
        unread = unread or (bool(named) and (named not in members or "id" not in proxy))
        members.setdefault(named, set()).add(str(proxy.get("id")).lower())
    for declared, pool in pools:
        found = members[str(pool.get("id")).lower()]
        doubted = declared is not None and len(found) < len(declared.fields["members"])
        pool["proxyIds"] = None if unread or (doubted and _members(reader, pool) != found) else sorted(found)


def _members(reader: Reader, pool: Raw) -> set[str]:
    """What a pool itself says of its members."""
    with suppress(Missing):
        return {str(item.get("id")).lower() for item in reader.list(f"ProxyPools/{pool.get('id')}/proxies")}
    return set()


def link_jobs(reader: Reader, jobs: Sequence[dict[str, Any]], organizations: Iterable[Raw]) -> None:
    """Fill in the organization of jobs, which up to v7 is a link. If one has no link, each organization is asked for
    its jobs; of a job that two of them list it stays unknown."""
    from reconciler.clients.vbo import dialect_of, link_id

    for job in jobs:
        if not typed(KINDS["job"], reader.rest, job).get("organizationId"):
            job["organizationId"] = link_id(job, "organization") or None
    unlinked = [job for job in jobs if not job["organizationId"] and job.get("id")]
    dialect = dialect_of(reader.rest)
    if not unlinked or not dialect.jobs_below_organization:
        return
    listed: dict[str, set[str]] = defaultdict(set)
    for organization in (str(found["id"]) for found in organizations if found.get("id")):
        with suppress(Refused):
            for job in reader.list(dialect.job_collection(organization)):
                listed[str(job.get("id")).lower()].add(organization)
    for job in unlinked:
        owners = listed.get(str(job["id"]).lower(), set())
        job["organizationId"] = next(iter(owners)) if len(owners) == 1 else None


def complete_jobs(reader: Reader, jobs: Wanted, owner: str, unread: Unread, *, whole: bool) -> None:
    """Fill in the lists of items (collections in v8): of declared jobs those that are compared, and what is selected of
    jobs with the mark of `owner`, which may be declared under another name. With `whole` of all, as far as the server
    shows them (else `unread`). A list takes a request, so they are read side by side."""
    wanted: list[tuple[dict[str, Any], str, str, str]] = []
    for declared, job in jobs:
        seen = typed(KINDS["job"], reader.rest, job)
        ours = bool(owner) and owner_of(seen) == owner
        for field, name, collection in ITEM_LISTS:
            if "id" not in seen or name in seen or (field == "items" and seen.get("backupType") != "SelectedItems"):
                continue
            known = is_compared(declared, field) if declared is not None else ours and field == "items"
            if whole or known:
                spared = "" if known else field
                wanted.append((job, name, f"Jobs/{seen['id']}/{collection}", spared))

    if not wanted:
        return
    with workers(min(_SIDE_BY_SIDE, len(wanted)), "items") as pool:
        for future in [pool.submit(_complete, reader, unread, *item) for item in wanted]:
            result(future)


def _complete(reader: Reader, unread: Unread, job: dict[str, Any], name: str, path: str, spared: str) -> None:
    """`spared` is the field of a list that is not compared."""
    try:
        job[name] = reader.list(path)
    except Missing:
        return
    except UNREADABLE as error:
        if not spared:
            raise
        unread.items[str(job["id"]).lower(), spared] = error
