"""Changing a host: one script of a playbook, over the connection that the inventory names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.apply.context import ApplyContext, Tell

if TYPE_CHECKING:
    from reconciler.model.script import Script


def change_host(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    connection = site.access.connections.get(params["host"])
    with site.host(connection, params["host"]) as host:
        deadline = connection.deadlines.long if connection else 0.0
        host.execute(_script(site, params["script"]), params["params"], deadline=deadline)
    return None


def _script(site: ApplyContext, name: str) -> Script:
    from reconciler.hosts import shipped

    own = (playbook.scripts[name] for playbook in site.playbooks.values() if name in playbook.scripts)
    return next(own, None) or shipped(name)
