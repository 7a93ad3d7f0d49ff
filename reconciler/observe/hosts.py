"""Probing the hosts side by side: each gives its facts or the diagnostic that says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.hosts import Playbook
    from reconciler.model.connection import Access
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import HostFacts
    from reconciler.model.secret import SecretResolver


def probe_hosts(
    pool: ThreadPoolExecutor,
    inventory: Inventory,
    *,
    access: Access,
    resolver: SecretResolver,
    playbooks: Mapping[str, Playbook],
    clock: Callable[[], datetime],
) -> dict[str, Future[HostFacts]]:
    """One running probe for each host that the inventory lets us reach, by the name of its proxy."""
    if not access.connections:
        return {}
    from reconciler.hosts import arguments, probe

    probes: dict[str, Future[HostFacts]] = {}
    for proxy in inventory.of_kind("proxy"):
        connection = access.connections.get(proxy.name)
        if connection is None:
            continue
        playbook = playbooks[str(proxy.fields.get("os", "windows"))]
        params = arguments(inventory, proxy)
        probes[proxy.name] = pool.submit(probe, connection, resolver, access.root, playbook, params, clock=clock)
    return probes
