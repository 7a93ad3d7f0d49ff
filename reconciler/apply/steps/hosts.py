"""Runs the remedy of a requirement on a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.steps.failure import StepFailed

if TYPE_CHECKING:
    from reconciler.model.script import Script


def change_host(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Raises StepFailed, before anything is sent, for a script that no requirement of a playbook names."""
    script = _remedy(site, params["script"])
    connection = site.access.connections.get(params["host"])
    with site.host(connection, params["host"]) as host:
        deadline = connection.deadlines.long if connection else 0.0
        host.execute(script, params["params"], deadline=deadline)
    return None


def _remedy(site: ApplyContext, name: str) -> Script:
    found = [playbook.scripts[name] for playbook in site.playbooks.values() if name in playbook.scripts]
    if not found:
        raise StepFailed(f"no requirement of the playbooks names the script {name}")
    return found[0]
