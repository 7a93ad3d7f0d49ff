"""Asking a host: one connection, one script, one document with every fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from reconciler.clients.host_session import open_host
from reconciler.hosts.diagnosis import diagnose
from reconciler.hosts.facts import NotFacts, parse
from reconciler.model.errors import BadAnswer, RemoteError, SecretError
from reconciler.model.live import HostFacts

if TYPE_CHECKING:
    from reconciler.clients.host_session import ScriptRunner
    from reconciler.hosts.playbook import Playbook
    from reconciler.model.connection import Connection
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.secret import SecretResolver


ARGUMENTS: Final[Mapping[str, Any]] = {"port": 9193, "server": "", "smtp": "", "smtp_port": 25}
"""What a facts script is told, and what it is told where nobody says otherwise."""


def arguments(inventory: Inventory, proxy: Resource) -> dict[str, Any]:
    """What the facts script of a proxy's host is told: see the scripts for what each means."""
    found = {**ARGUMENTS, "server": inventory.access.server.host, "port": proxy.fields.get("port", 9193)}
    for mail in inventory.of_kind("smtp"):
        if mail.fields.get("enabled", True) and mail.fields.get("server"):
            found |= {"smtp": mail.fields["server"], "smtp_port": mail.fields.get("port", 25)}
    return found


def _now() -> datetime:
    return datetime.now(UTC)


class HostReader:
    """Runs the facts script of a playbook and nothing else."""

    def __init__(self, session: ScriptRunner, peer: str, *, clock: Callable[[], datetime] = _now) -> None:
        self._session = session
        self._peer = peer
        self._clock = clock

    def facts(self, playbook: Playbook, params: Mapping[str, Any], *, deadline: float) -> dict[str, Any]:
        """Facts as `hosts.facts.parse` gives them. The host's clock is compared with the middle of the call.

        Raises RemoteError.
        """
        before = self._clock()
        document = self._session.execute(playbook.facts, params, deadline=deadline)
        after = self._clock()
        try:
            facts = parse(document, playbook.os, before + (after - before) / 2)
        except NotFacts as error:
            hint = "Is `os` of the proxy right?"
            raise BadAnswer(
                self._peer, f"reading the answer of {playbook.facts.name}", str(error), hint=hint
            ) from error
        return {**facts, "own": self._own(playbook, params, deadline)} if playbook.own_facts else facts

    def _own(self, playbook: Playbook, params: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        """What the scripts of users say, over the same connection; a later one wins."""
        found: dict[str, Any] = {}
        for script in playbook.own_facts:
            document = self._session.execute(script, params, deadline=deadline)
            if not isinstance(document, Mapping):
                what = f"reading the answer of {script.name}"
                raise BadAnswer(self._peer, what, "it is not an object", hint="A facts script prints one JSON object.")
            found |= document
        return found


def ask(
    connection: Connection,
    resolver: SecretResolver,
    root: str,
    playbook: Playbook,
    params: Mapping[str, Any],
    *,
    clock: Callable[[], datetime] = _now,
) -> dict[str, Any]:
    """The facts of one host. `params` are those of `ARGUMENTS`; others are not sent. Raises RemoteError and
    SecretError."""
    sent = {name: params.get(name, usual) for name, usual in ARGUMENTS.items()}
    with open_host(connection, resolver, root) as session:
        reader = HostReader(session, connection.peer, clock=clock)
        return reader.facts(playbook, sent, deadline=connection.deadlines.call)


def probe(
    connection: Connection,
    resolver: SecretResolver,
    root: str,
    playbook: Playbook,
    params: Mapping[str, Any],
    *,
    clock: Callable[[], datetime] = _now,
) -> HostFacts:
    """The facts of one host, as `ask`. Trouble with it is no exception but the `problem` of the answer."""
    try:
        return HostFacts(connection.name, ask(connection, resolver, root, playbook, params, clock=clock))
    except (RemoteError, SecretError) as error:
        return HostFacts(connection.name, {}, diagnose(error, connection))
