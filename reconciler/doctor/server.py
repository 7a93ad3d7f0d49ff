"""Checks of the management server: its REST API, and PowerShell for what REST cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from reconciler.clients import dns_and_tls
from reconciler.clients.script_output import interpreting
from reconciler.doctor.check import Check, Level, expiry, failed
from reconciler.doctor.ports import SERVER, Port, check_ports, of_proxy
from reconciler.doctor.stages import PTR, check_listener, check_name, matches, one_way, passed, stopped
from reconciler.kinds import KINDS
from reconciler.kinds.hosts import is_address
from reconciler.kinds.states import health_of
from reconciler.model.errors import ReconcileError, RemoteError
from reconciler.model.state import Health
from reconciler.package_data import shipped_script

if TYPE_CHECKING:
    from reconciler.clients.host_session import ScriptRunner
    from reconciler.clients.vbo import Reader
    from reconciler.doctor.run import CheckContext
    from reconciler.model.connection import Connection
    from reconciler.model.live import LiveResource

_MINUTES = 5
"""The difference at which Kerberos refuses tickets."""
_ADMINISTRATOR = "The account has to be an administrator of the server, with access to the REST API."
_READABLE = "the account can read {kinds}; whether it can change them shows only when something is changed"


@dataclass(slots=True)
class ServerChecks:
    """The checks of the REST API, and its objects by address; no objects if they could not be read."""

    checks: list[Check]
    resources: Mapping[str, LiveResource] = field(default_factory=dict)
    build: str = ""
    clock_ahead: timedelta = timedelta(0)


def check_rest(context: CheckContext) -> ServerChecks:
    """Connect to the REST API, and read what the account is allowed to read."""
    from reconciler.clients.vbo import Reader, connect

    server, root = context.access.server, context.access.root
    found = ServerChecks([*check_name("server", server.rest_name, server.address)])
    try:
        found.checks.append(
            expiry("server", "certificate", dns_and_tls.server_certificate_end(server, root), context.now)
        )
        with connect(server, context.connection_context) as session:
            reader = Reader(session)
            found.build, found.clock_ahead = reader.build, reader.clock_ahead
            known = f"REST v{reader.rest}, build {reader.build}" if reader.build else f"REST v{reader.rest}"
            found.checks += [*passed("server", answer=known), *_rights(context, reader, found), *_health(reader)]
            found.checks.append(_clock(found.clock_ahead))
    except ReconcileError as error:
        found.checks += stopped("server", error)
    return found


def _clock(ahead: timedelta) -> Check:
    """Hosts are compared with the server. This machine matters for certificates and Kerberos."""
    minutes = round(ahead.total_seconds() / 60)
    if abs(minutes) < _MINUTES:
        return Check("server", "clock", Level.OK, "as on this machine")
    found = f"{abs(minutes)} minutes {'ahead of' if minutes > 0 else 'behind'} this machine"
    return Check("server", "clock", Level.WARNING, found, "Set the clocks of both by NTP.")


def _rights(context: CheckContext, reader: Reader, server: ServerChecks) -> list[Check]:
    from reconciler.kinds.naming import Naming
    from reconciler.observe.items import without_items
    from reconciler.observe.server import read_server

    try:
        found, gaps = read_server(reader, without_items(context.inventory), Naming(reader.rest, context.access))
    except RemoteError as error:
        row = failed("server", "rights", error)
        return [Check(row.subject, row.name, row.level, row.found, row.fix or _ADMINISTRATOR)]
    server.resources = {str(where): item for where, item in found.items()}
    kinds = sorted(kind.section for kind in KINDS.values() if kind.collection and kind.in_version(reader.rest))
    hidden = [Check("server", "rights", Level.WARNING, gap.detail, _ADMINISTRATOR) for gap in gaps if gap.reason]
    return hidden or [Check("server", "rights", Level.OK, _READABLE.format(kinds=", ".join(kinds)))]


def _health(reader: Reader) -> list[Check]:
    """Version 8 has a health endpoint."""
    if reader.rest < 8:
        return []
    try:
        answer = reader.get("Health")
    except RemoteError as error:
        return [Check("server", "health", Level.UNKNOWN, f"{error.what}: {error.reason}")]
    status, parts = health_of(answer)
    if status is Health.HEALTHY:
        return [Check("server", "health", Level.OK, "the server reports that it is healthy")]
    unhealthy = ", ".join(name for name, part in parts.items() if part is not Health.HEALTHY)
    fix = "Check these services and their logs on the server."
    return [Check("server", "health", Level.WARNING, f"not healthy: {unhealthy or status}", fix)]


def check_powershell(context: CheckContext) -> list[Check]:
    """WinRM to the management server, and the product's PowerShell module there."""
    subject = "server.powershell"
    connection = context.access.server.powershell
    if connection is None:
        needed = bool(context.inventory.of_kind("certificate"))
        missing = "not declared: without it no proxy is upgraded, and the server certificate is neither read nor set"
        fix = "Declare `server.powershell: {credentials: NAME}`, a WinRM login to the management server."
        return [Check(subject, "declared", Level.ERROR if needed else Level.UNKNOWN, missing, fix)]
    return [*check_name(subject, connection.host, connection.address), *_shell(context, connection, subject)]


def _shell(context: CheckContext, connection: Connection, subject: str) -> list[Check]:
    from reconciler.clients.host_session import open_host

    root = context.access.root
    rows: list[Check] = []
    try:
        rows += check_listener(subject, connection, root, context.now)
        with open_host(connection, context.connection_context) as host:
            module = host.execute(shipped_script("server/version.ps1"), {}, deadline=connection.deadlines.call)
            names = _names(context, host, connection.deadlines.call)
            ports = _ports(context, host, connection.deadlines.call)
        with interpreting(connection.peer, "server/version.ps1"):
            proxies = module.get("proxies", ())
            late = sum(1 for item in proxies if item.get("outdated"))
            size = f"{len(proxies)} proxies, {late} of them out of date"
            answer = f"the module answers: build {module.get('version')}, {size}"
    except ReconcileError as error:
        return [*rows, *stopped(subject, error, peer=connection.peer)]
    return [*rows, *passed(subject, answer=answer), *names, *ports]


def _names(context: CheckContext, host: ScriptRunner, deadline: float) -> list[Check]:
    """The names of the proxies, as the server resolves them."""
    remote = [item for item in context.inventory.of_kind("proxy") if not item.is_local]
    proxies = {str(item.fields["host"]): item.name for item in remote}
    asked = sorted(name for name in proxies if not is_address(name))
    script = shipped_script("server/names.ps1")
    try:
        answer = host.execute(script, {"hosts": asked}, deadline=deadline) if asked else {}
        with interpreting(context.access.server.host, script.name):
            found = [item for item in answer.get("names", ()) if item["host"] in proxies]
            return [_name(f"host.{proxies[item['host']]}", item) for item in found]
    except RemoteError as error:
        return [Check("server.powershell", "names", Level.UNKNOWN, f"{error.what}: {error.reason}")]


def _ports(context: CheckContext, host: ScriptRunner, deadline: float) -> list[Check]:
    """What the server connects to on the hosts of its proxies."""
    found: list[Port] = []
    for proxy in context.inventory.of_kind("proxy"):
        if not proxy.is_local:
            connection = context.inventory.access.connections.get(proxy.name)
            found += of_proxy(proxy, (connection.port if connection is not None else 0) or 22)
    return check_ports(host, "windows", SERVER, found, deadline) if found else []


def _name(subject: str, answer: Mapping[str, Any]) -> Check:
    host, addresses, names = answer["host"], list(answer["addresses"]), [str(name) for name in answer["reverse"]]
    if not addresses:
        fix = "Add the name to the DNS that the server uses: it connects to its proxies by name."
        return Check(subject, "name-at-server", Level.WARNING, f"the server cannot resolve {host}", fix)
    if matches(host, names):
        both = f"on the server {host} resolves to {', '.join(addresses)} and back"
        return Check(subject, "name-at-server", Level.OK, both)
    found = f"on the server {one_way(host, addresses, names)}"
    return Check(subject, "name-at-server", Level.WARNING, found, PTR.format(address=addresses[0]))
