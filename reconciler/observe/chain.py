"""References between objects that the API only hints at: members of pools, organizations and items of jobs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reconciler.kinds import KINDS
from reconciler.kinds.field import Raw
from reconciler.kinds.naming import Naming
from reconciler.kinds.typed import typed
from reconciler.model.errors import Missing
from reconciler.model.inventory import Inventory

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader


Raws = dict[str, list[dict[str, Any]]]
"""By kind, the objects of the server as they came."""


def complete_pools(reader: Reader, raws: Raws, inventory: Inventory, naming: Naming) -> None:
    """A pool does not list its members: each proxy names its pool (`proxyPoolId`, v8), and has null or nothing there if
    it is in none. A pool is asked itself before a declared member counts as missing. Members are unknown if the two
    disagree, or if a proxy names no pool that is listed."""
    kind, pools = KINDS["pool"], raws.get("pool", [])
    declared = {kind.wanted_key(pool.name, pool.fields): pool.fields["members"] for pool in inventory.of_kind("pool")}
    members: dict[str, set[str]] = {str(pool.get("id")).lower(): set() for pool in pools}
    unread = False
    for raw in raws["proxy"]:
        proxy = typed(KINDS["proxy"], reader.rest, raw)
        named = str(raw.get("proxyPoolId") or "").lower()
        unread = unread or (bool(named) and (named not in members or "id" not in proxy))
        members.setdefault(named, set()).add(str(proxy.get("id")).lower())
    for pool in pools:
        seen = typed(kind, reader.rest, pool)
        found = members[str(pool.get("id")).lower()]
        doubted = len(found) < len(declared.get(kind.live_key(seen, naming), ()))
        pool["proxyIds"] = None if unread or (doubted and _members(reader, seen) != found) else sorted(found)


def _members(reader: Reader, pool: Raw) -> set[str]:
    """What a pool itself says of its members."""
    with suppress(Missing):
        return {str(item.get("id")).lower() for item in reader.list(f"ProxyPools/{pool.get('id')}/proxies")}
    return set()


def complete_jobs(reader: Reader, jobs: list[dict[str, Any]], inventory: Inventory, naming: Naming) -> None:
    """Fill in the organization (a link up to v7) and, for declared jobs, the selected items (a collection in v8)."""
    from reconciler.clients.vbo import link_id

    kind = KINDS["job"]
    selective = {
        kind.wanted_key(job.name, job.fields)
        for job in inventory.of_kind("job")
        if job.fields.get("items", "all") != "all"
    }
    for job in jobs:
        seen = typed(kind, reader.rest, job)
        if not seen.get("organizationId"):
            job["organizationId"] = link_id(job, "organization") or None
        asked = seen.get("backupType") == "SelectedItems" and "selectedItems" not in seen and "id" in seen
        if asked and kind.live_key(seen, naming) in selective:
            with suppress(Missing):
                job["selectedItems"] = reader.list(f"Jobs/{seen['id']}/SelectedItems")
