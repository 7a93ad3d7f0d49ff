"""Changing a host: one script of a playbook, over the connection that the inventory names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.site import Site, Tell


def change_host(site: Site, params: Mapping[str, Any], tell: Tell) -> str | None:
    from reconciler.hosts import shipped

    connection = site.access.connections.get(params["host"])
    with site.host(connection, params["host"]) as host:
        deadline = connection.deadlines.long if connection else 0.0
        host.execute(shipped(params["script"]), params["params"], deadline=deadline)
    return None
