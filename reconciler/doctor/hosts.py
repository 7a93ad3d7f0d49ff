"""Checks of a proxy host: can it be reached, and does it meet the requirements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler.doctor.check import Check, Level
from reconciler.doctor.ports import Port, check_ports, of_pool, of_server
from reconciler.doctor.stages import check_host_name, check_listener, passed, stopped
from reconciler.model.errors import RemoteError, SecretError, Unreachable
from reconciler.observe.probe import deploying_login, judged, read_facts, script_arguments
from reconciler.plan.sleep_state import may_sleep
from reconciler.requirements import evaluate

if TYPE_CHECKING:
    from reconciler.doctor.run import CheckContext
    from reconciler.model.connection import Connection, ConnectionContext
    from reconciler.model.inventory import Resource
    from reconciler.requirements import UnmetRequirement


ASLEEP: Final = "asleep: it does not answer, which `sleep: allowed` permits"
_CHECKED_BEFORE: Final = "account.deploys"
"""A fact that playbooks require; where it is known, the check `rights` is about it."""


@dataclass(slots=True)
class HostChecks:
    """The checks of a host, its facts, and the ports that it reaches; none if it could not be reached. `asleep`: no
    connection could be made to it, and it may be off."""

    checks: list[Check]
    facts: Mapping[str, Any] = field(default_factory=dict)
    ports: list[Check] = field(default_factory=list)
    asleep: bool = False


def check_host(context: CheckContext, proxy: Resource, connection: Connection) -> HostChecks:
    """Connect to a host and read its facts."""
    subject = f"host.{proxy.name}"
    reached, visit = context.connection_context, Visit(subject, context.now, context.clock)
    host = HostChecks([*reached.ask(name_checks, connection, visit)])
    playbook = context.playbooks[str(proxy.fields.get("os", "windows"))]
    arguments = script_arguments(context.inventory, proxy)
    try:
        host.checks += reached.ask(listener_checks, connection, visit)
        facts = read_facts(connection, reached, playbook, arguments, clock=context.clock)
        host.facts = judged(facts, deploying_login(context.access, proxy), connection)
        host.ports = _ports(context, proxy, connection)
    except (RemoteError, SecretError) as error:
        if isinstance(error, Unreachable) and may_sleep(proxy):
            return HostChecks([Check(subject, "connection", Level.UNKNOWN, ASLEEP)], asleep=True)
        host.checks += stopped(subject, error, peer=connection.peer)
    else:
        host.checks += [*passed(subject, answer=_summary(host.facts)), *_account(subject, host.facts)]
    return host


def _ports(context: CheckContext, proxy: Resource, connection: Connection) -> list[Check]:
    """What the host connects to on the server."""
    ports = list(of_server(f"host.{proxy.name}", context.inventory.access.server.host))
    pool = proxy.fields.get("pool")
    members = [item for item in context.inventory.of_kind("proxy") if pool and item.fields.get("pool") == pool]
    ports += of_pool(members, proxy)
    asked = PortsVisit(ports, str(proxy.fields.get("os")), context.clock)
    return context.connection_context.ask(port_checks, connection, asked)


@dataclass(frozen=True, slots=True)
class Visit:
    """What is checked before any login. Both times are aware."""

    subject: str
    now: datetime
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class PortsVisit:
    """What a host with this operating system connects to."""

    ports: list[Port]
    system: str
    clock: Callable[[], datetime]


def name_checks(connection: Connection, _context: ConnectionContext, asked: Visit) -> list[Check]:
    """The name of the host, as the machine that connects to it resolves it."""
    return list(check_host_name(asked.subject, connection))


def listener_checks(connection: Connection, context: ConnectionContext, asked: Visit) -> list[Check]:
    """Raises Unreachable and UntrustedPeer."""
    return check_listener(asked.subject, connection, context.root, asked.now)


def port_checks(connection: Connection, context: ConnectionContext, asked: PortsVisit) -> list[Check]:
    """Raises RemoteError and SecretError."""
    from reconciler.clients.host_session import open_host

    with open_host(connection, context) as session:
        return check_ports(session, asked.system, "the host", asked.ports, connection.deadlines.call)


def _summary(facts: Mapping[str, Any]) -> str:
    """`Ubuntu 22.04.4 LTS, proxy service 8.5.0.1014 running`."""
    service = facts.get("service") or {}
    state = " ".join(str(part) for part in (service.get("version"), service.get("state")) if part)
    installed = service.get("installed")
    missing = "no proxy service" if installed is False else "proxy service unknown"
    described = f"proxy service {state}" if installed else missing
    return f"{facts.get('os', {}).get('name') or 'unknown system'}, {described}"


def _account(subject: str, facts: Mapping[str, Any]) -> Iterator[Check]:
    account = facts["account"] if isinstance(facts.get("account"), Mapping) else {}
    user, admin = account.get("user") or "the account", account.get("admin")
    if admin is None:
        yield Check(subject, "rights", Level.UNKNOWN, f"the host does not report whether {user} is an administrator")
    elif admin:
        yield Check(subject, "rights", Level.OK, f"{user} is an administrator of the host")
    else:
        fix = (
            "Make the account a local administrator (Windows), or give it sudo rights and `sudo: true`, or `su: true` "
            "and `root_password` (Linux)."
        )
        yield Check(subject, "rights", Level.ERROR, f"{user} is not an administrator of the host", fix)


def compared(facts: Mapping[str, Any], ahead: timedelta) -> Mapping[str, Any]:
    """`facts`, which were read by the clock of this machine, by the one of the server, which is `ahead` of it."""
    off = (facts.get("clock") or {}).get("minutes_off")
    if not isinstance(off, int):
        return facts
    return {**facts, "clock": {**facts["clock"], "minutes_off": off - round(ahead.total_seconds() / 60)}}


def check_clock(subject: str, facts: Mapping[str, Any]) -> Check:
    """Reported here; how far it may be off is a requirement of the playbook."""
    off = (facts.get("clock") or {}).get("minutes_off")
    if off is None:
        return Check(subject, "clock", Level.UNKNOWN, "the host does not report its time")
    found = "as on the server" if not off else f"{abs(off)} minutes {'ahead of' if off > 0 else 'behind'} the server"
    return Check(subject, "clock", Level.OK, found)


def check_requirements(
    context: CheckContext, proxy: Resource, facts: Mapping[str, Any], build: str, *, exists: bool
) -> list[Check]:
    """The requirements of the playbook. `exists`: its proxy is registered, so it works although they are not met."""
    subject = f"host.{proxy.name}"
    playbook = context.playbooks[str(proxy.fields.get("os", "windows"))]
    rows = evaluate(playbook, facts, proxy.fields, build=build)
    found = [item for item in rows if item.path != _CHECKED_BEFORE or item.unknown]
    if not found:
        return [Check(subject, "requirements", Level.OK, "met")]
    return [_requirement(subject, item, exists=exists) for item in found]


def _requirement(subject: str, item: UnmetRequirement, *, exists: bool) -> Check:
    required = f"required: {_text(item.required)}"
    if item.needs_build:  # what is required depends on it
        return Check(subject, item.requirement, Level.UNKNOWN, "the server does not report its build")
    if item.unknown:
        return Check(subject, item.requirement, Level.UNKNOWN, f"not reported by the host; {required}")
    found = f"{_text(item.observed)}; {required}"
    if item.script:
        return Check(subject, item.requirement, Level.WARNING, found, "`vbo-reconcile apply` changes it.")
    harmless = item.is_advice or exists
    return Check(subject, item.requirement, Level.WARNING if harmless else Level.ERROR, found, item.manual)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "missing" if value is None else str(value)
