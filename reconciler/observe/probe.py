"""Reads the facts of hosts: one connection, one script and one JSON document for each host. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.address import address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import BadAnswer, RemoteError, SecretError
from reconciler.model.live import HostFacts
from reconciler.model.login_gate import PATIENCE
from reconciler.requirements.facts import NotFacts, of_another_login, parse
from reconciler.timing import utc_now

if TYPE_CHECKING:
    from reconciler.clients.host_session import ScriptRunner
    from reconciler.model.connection import Access, Connection, ConnectionContext, Credential
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.secret import SecretRef
    from reconciler.requirements import Playbook

ARGUMENTS: Final[Mapping[str, Any]] = {"port": 9193, "server": "", "smtp": "", "smtp_port": 25}
"""The arguments of a facts script, with their defaults. The scripts document each."""


def script_arguments(inventory: Inventory, proxy: Resource) -> dict[str, Any]:
    """The arguments of the facts script for the host of a proxy."""
    found = {**ARGUMENTS, "server": inventory.access.server.host, "port": proxy.fields.get("port", 9193)}
    mail = inventory.resources.get(address("smtp"))
    if mail is not None and mail.fields.get("enabled", True) and mail.fields.get("server"):
        found |= {"smtp": mail.fields["server"], "smtp_port": mail.fields.get("port", 25)}
    return found


def judged(facts: dict[str, Any], deploying: Credential | None, connection: Connection) -> dict[str, Any]:
    """`facts`, with the account that deploys the proxy service unknown where it is not the one that read them.

    `deploying` is the login that the server deploys with; None if it is the one of the connection or not declared.
    """
    if deploying is None:
        return facts
    if connection.certificate is not None:  # it stands for an account that only the host knows
        account = facts.get("account")
        user = str(account.get("user") or "") if isinstance(account, Mapping) else ""
        return facts if _user(user) == _user(deploying.username) else of_another_login(facts)
    login = connection.credential
    is_same = login is not None and _rights_of(login) == _rights_of(deploying)
    return facts if is_same else of_another_login(facts)


def deploying_login(access: Access, proxy: Resource) -> Credential | None:
    """The login that the server deploys the proxy service with: a package is installed with that of the connection."""
    pushed = proxy.fields.get("service.install", "push") == "push"
    return access.credentials.get(str(proxy.fields.get("credentials"))) if pushed else None


def _rights_of(login: Credential) -> tuple[str, bool, bool]:
    return login.username.lower(), login.sudo, login.su


def _user(name: str) -> str:
    """`administrator` for `PX-1\\Administrator` and `Administrator@px-1`."""
    return name.rpartition("\\")[2].partition("@")[0].lower()


@dataclass(frozen=True, slots=True)
class Turn:
    """The first host of a login connects first, so that chance does not decide which host a wrong password is tried on.
    The others do not wait longer than a login takes."""

    led: Event
    is_first: bool

    def wait(self) -> None:
        if not self.is_first:
            self.led.wait(PATIENCE)

    def end(self) -> None:
        if self.is_first:
            self.led.set()


def probe_hosts(
    pool: ThreadPoolExecutor,
    inventory: Inventory,
    *,
    access: Access,
    context: ConnectionContext,
    playbooks: Mapping[str, Playbook],
    clock: Callable[[], datetime],
) -> dict[str, Future[HostFacts]]:
    """One running probe for each host that has a connection in the inventory, by the name of its proxy."""
    probes: dict[str, Future[HostFacts]] = {}
    logins: dict[tuple[str, SecretRef | None], Event] = {}
    for proxy in inventory.of_kind("proxy"):
        connection = access.connections.get(proxy.name)
        if connection is None:
            continue
        playbook = playbooks[str(proxy.fields.get("os", "windows"))]
        arguments = script_arguments(inventory, proxy)
        login = connection.credential
        key = (login.username, login.password) if login is not None else ("", None)
        is_first = key not in logins
        turn = Turn(logins.setdefault(key, Event()), is_first)
        deploying = deploying_login(access, proxy)
        probes[proxy.name] = pool.submit(
            probe, connection, context, playbook, arguments, clock=clock, turn=turn, deploying=deploying
        )
    return probes


def probe(
    connection: Connection,
    context: ConnectionContext,
    playbook: Playbook,
    arguments: Mapping[str, Any],
    *,
    clock: Callable[[], datetime] = utc_now,
    turn: Turn | None = None,
    deploying: Credential | None = None,
) -> HostFacts:
    """The facts of one host. A failure is the `problem` of the result, not an exception."""
    turn = turn or Turn(Event(), is_first=True)
    turn.wait()
    try:
        facts = read_facts(connection, context, playbook, arguments, clock=clock, connected=turn.end)
    except (RemoteError, SecretError) as error:
        return HostFacts(connection.name, {}, host_problem(error, connection))
    finally:
        turn.end()
    return HostFacts(connection.name, judged(facts, deploying, connection))


def read_facts(
    connection: Connection,
    context: ConnectionContext,
    playbook: Playbook,
    arguments: Mapping[str, Any],
    *,
    clock: Callable[[], datetime] = utc_now,
    connected: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Connect to a host, call `connected` and run its facts scripts. Only the arguments of ARGUMENTS are sent.

    Raises RemoteError and SecretError.
    """
    sent = {name: arguments.get(name, default) for name, default in ARGUMENTS.items()}
    if context.workers is None:
        asked = FactsQuestion(playbook, sent, clock, connected)
    else:  # only what has to travel
        asked = FactsQuestion(replace(playbook, requirements=(), scripts={}), sent, clock)
    return context.ask(facts_of, connection, asked)


def _nothing() -> None:
    """The connection that a worker makes has no users that wait for it."""


@dataclass(frozen=True, slots=True)
class FactsQuestion:
    """What is asked of a host: the facts scripts of `playbook`, with these arguments."""

    playbook: Playbook
    arguments: Mapping[str, Any]
    clock: Callable[[], datetime]
    connected: Callable[[], None] = _nothing


def facts_of(connection: Connection, context: ConnectionContext, asked: FactsQuestion) -> dict[str, Any]:
    """Connect to a host and run its facts scripts. Raises RemoteError and SecretError."""
    from reconciler.clients.host_session import open_host

    with context.direct(connection, context) or open_host(connection, context) as session:
        asked.connected()
        return run_facts_scripts(
            session,
            asked.playbook,
            asked.arguments,
            peer=connection.peer,
            deadline=connection.deadlines.call,
            clock=asked.clock,
        )


def run_facts_scripts(
    session: ScriptRunner,
    playbook: Playbook,
    arguments: Mapping[str, Any],
    *,
    peer: str,
    deadline: float,
    clock: Callable[[], datetime],
) -> dict[str, Any]:
    """Facts as `requirements.facts.parse` returns them. The host's clock is compared with the middle of the call.

    The documents of user scripts are merged under `own`, later ones first. Raises RemoteError.
    """
    from reconciler.clients.script_output import interpreting

    before = clock()
    document = session.execute(playbook.facts, arguments, deadline=deadline)
    after = clock()
    with interpreting(peer, playbook.facts.name):
        try:
            facts = parse(document, playbook.os, before + (after - before) / 2)
        except NotFacts as error:
            what = f"reading the answer of {playbook.facts.name}"
            raise BadAnswer(peer, what, str(error), hint="Is `os` of the proxy right?") from error
    own: dict[str, Any] = {}
    for script in playbook.own_facts:
        document = session.execute(script, arguments, deadline=deadline)
        if not isinstance(document, Mapping):
            hint = "A facts script prints one JSON object."
            raise BadAnswer(peer, f"reading the answer of {script.name}", "it is not an object", hint=hint)
        own |= document
    return {**facts, "own": own} if playbook.own_facts else facts


def host_problem(error: RemoteError | SecretError, connection: Connection) -> Diagnostic:
    """An error while a host was read, under the address of the host."""
    where = address("host", connection.name)
    if isinstance(error, RemoteError):
        detail = f"{error.peer}: {error.what}: {error.reason}"
        return Diagnostic(error.code, error.summary, detail, error.hint, address=where)
    fix = error.hint or "Provide the secret where the inventory says that it is."
    return Diagnostic("secret", "Secret not available", str(error), fix, address=where)
