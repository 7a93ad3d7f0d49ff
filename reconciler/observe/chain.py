"""References between objects that the API only hints at: members of pools, organizations and items of jobs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from reconciler.kinds.naming import Naming
from reconciler.model.inventory import Inventory

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader


def complete_pools(pools: list[dict[str, Any]], proxies: list[dict[str, Any]]) -> None:
    """A pool does not list its members: each proxy names its pool (`proxyPoolId`, v8)."""
    members: dict[str, list[str]] = defaultdict(list)
    for proxy in proxies:
        if proxy.get("proxyPoolId"):
            members[str(proxy["proxyPoolId"])].append(str(proxy.get("id")))
    for pool in pools:
        pool["proxyIds"] = members[str(pool.get("id"))]


def complete_jobs(reader: Reader, jobs: list[dict[str, Any]], inventory: Inventory, naming: Naming) -> None:
    """Fill in the organization (a link up to v7) and, for declared jobs, the selected items (a collection in v8)."""
    from reconciler.clients.vbo import link_id

    selective = {
        f"{job.fields.get('organization')}/{job.name}".lower()
        for job in inventory.of_kind("job")
        if job.fields.get("items", "all") != "all"
    }
    for job in jobs:
        if not job.get("organizationId"):
            job["organizationId"] = link_id(job, "organization")
        key = f"{naming.name_of('organization', str(job['organizationId']))}/{job.get('name', '')}".lower()
        if (
            job.get("backupType") == "SelectedItems"
            and not isinstance(job.get("selectedItems"), list)
            and key in selective
        ):
            job["selectedItems"] = reader.list(f"Jobs/{job['id']}/SelectedItems")
