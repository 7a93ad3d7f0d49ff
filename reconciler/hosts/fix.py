"""Changing a host: one change script of a playbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.clients.host_session import ScriptRunner
    from reconciler.hosts.playbook import Playbook


class HostWriter:
    """Runs change scripts, and only those that a requirement of its playbook names."""

    def __init__(self, session: ScriptRunner, playbook: Playbook) -> None:
        self._session = session
        self._playbook = playbook

    def change(self, script: str, params: Mapping[str, Any], *, deadline: float) -> Any:
        """Run the change script and return its answer. Running it again changes nothing.

        Raises KeyError for a script that no requirement names, and RemoteError.
        """
        return self._session.execute(self._playbook.scripts[script], params, deadline=deadline)
