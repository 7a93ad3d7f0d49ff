"""References between objects that the API only hints at: members of pools, organizations and items of jobs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from reconciler.kinds import KINDS
from reconciler.kinds.naming import Naming
from reconciler.kinds.typed import typed
from reconciler.model.inventory import Inventory

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader


def complete_pools(pools: list[dict[str, Any]], proxies: list[dict[str, Any]]) -> None:
    """A pool does not list its members: each proxy names its pool (`proxyPoolId`, v8), and has null or nothing there if
    it is in none. No members are known if a proxy has something else there."""
    kind = KINDS["proxy"]
    seen = [typed(kind, kind.until, proxy) for proxy in proxies]
    unread = any("proxyPoolId" not in it and raw.get("proxyPoolId") for raw, it in zip(proxies, seen, strict=True))
    members: dict[str, list[str | None]] = defaultdict(list)
    for proxy in seen:
        if "proxyPoolId" in proxy:
            members[proxy["proxyPoolId"].lower()].append(proxy.get("id"))
    for pool in pools:
        pool["proxyIds"] = None if unread else members[str(pool.get("id")).lower()]


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
            job["selectedItems"] = reader.list(f"Jobs/{seen['id']}/SelectedItems")
