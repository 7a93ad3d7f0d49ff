"""The management server: its REST API, and PowerShell for what REST cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.clients import peer_info
from reconciler.doctor.check import Check, Level, expiry, failed
from reconciler.doctor.stages import certificate_row, check_name, is_address, matches, passed, stopped
from reconciler.kinds import KINDS
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

_READABLE = "it may read {kinds}; whether it may change them is known only when something is changed"


@dataclass(slots=True)
class Seen:
    """What the REST API showed: rows, and the proxies as far as it came to that."""

    checks: list[Check]
    resources: Mapping[str, LiveResource] = field(default_factory=dict)
    build: str = ""


def check_rest(ground: CheckContext) -> Seen:
    """The way to the REST API, and what the account may read there."""
    from reconciler.clients.vbo import Reader, connect

    server, root = ground.access.server, ground.access.root
    seen = Seen([*check_name("server", server.host, server.address)])
    try:
        seen.checks.append(expiry("server", "certificate", peer_info.server_certificate_end(server, root), ground.now))
        with connect(server, ground.context) as session:
            reader = Reader(session)
            seen.build = reader.build
            known = f"REST v{reader.rest}, build {reader.build}" if reader.build else f"REST v{reader.rest}"
            seen.checks += [*passed("server", answer=known), *_rights(ground, reader, seen), *_health(reader)]
    except ReconcileError as error:
        seen.checks += stopped("server", error)
    return seen


def _rights(ground: CheckContext, reader: Reader, seen: Seen) -> list[Check]:
    from reconciler.kinds.naming import Naming
    from reconciler.observe.server import read_server

    try:
        found = read_server(reader, ground.inventory, Naming(reader.rest, ground.access))
    except RemoteError as error:
        row = failed("server", "rights", error)
        fix = row.fix or "The account has to be an administrator of the server, with access to the REST API."
        return [Check(row.subject, row.name, row.level, row.found, fix)]
    seen.resources = {str(where): item for where, item in found.items()}
    kinds = sorted(kind.section for kind in KINDS.values() if kind.collection and kind.in_version(reader.rest))
    return [Check("server", "rights", Level.OK, _READABLE.format(kinds=", ".join(kinds)))]


def _health(reader: Reader) -> list[Check]:
    """Version 8 tells how its own parts are."""
    if reader.rest < 8:
        return []
    try:
        told = reader.get("Health")
    except RemoteError as error:
        return [Check("server", "health", Level.UNKNOWN, f"{error.what}: {error.reason}")]
    status, parts = health_of(told)
    if status is Health.HEALTHY:
        return [Check("server", "health", Level.OK, "healthy, by its own account")]
    ill = ", ".join(name for name, part in parts.items() if part is not Health.HEALTHY)
    fix = "Look at these services on the server, and at its own logs."
    return [Check("server", "health", Level.WARNING, f"not healthy: {ill or status}", fix)]


def check_powershell(ground: CheckContext) -> list[Check]:
    """WinRM to the management server, and the product's PowerShell module there."""
    subject = "server.powershell"
    connection = ground.access.server.powershell
    if connection is None:
        needed = bool(ground.inventory.of_kind("certificate"))
        said = "not declared: without it no proxy is upgraded, and the server certificate is neither read nor set"
        fix = "Declare `server.powershell: {credentials: NAME}`, a WinRM login to the management server."
        return [Check(subject, "declared", Level.ERROR if needed else Level.UNKNOWN, said, fix)]
    return [*check_name(subject, connection.host, connection.address), *_shell(ground, connection, subject)]


def _shell(ground: CheckContext, connection: Connection, subject: str) -> list[Check]:
    from reconciler.clients.host_session import open_host

    root = ground.access.root
    rows: list[Check] = []
    try:
        rows += certificate_row(subject, connection, root, ground.now)
        with open_host(connection, ground.context) as host:
            told = host.execute(shipped_script("server/version.ps1"), {}, deadline=connection.deadlines.call)
            names = _names(ground, host, connection.deadlines.call)
    except ReconcileError as error:
        return [*rows, *stopped(subject, error, peer=connection.peer)]
    proxies = told.get("proxies", ())
    late = sum(1 for item in proxies if item.get("outdated"))
    said = f"the module answers: build {told.get('version')}, {len(proxies)} proxies, {late} of them out of date"
    return [*rows, *passed(subject, answer=said), *names]


def _names(ground: CheckContext, host: ScriptRunner, deadline: float) -> list[Check]:
    """The other way round: what the names of the proxies are on the server."""
    proxies = {str(item.fields.get("host", item.name)): item.name for item in ground.inventory.of_kind("proxy")}
    asked = sorted(name for name in proxies if not is_address(name))
    try:
        told = host.execute(shipped_script("server/names.ps1"), {"hosts": asked}, deadline=deadline) if asked else {}
    except RemoteError as error:
        return [Check("server.powershell", "names", Level.UNKNOWN, f"{error.what}: {error.reason}")]
    return [_name(f"host.{proxies[item['host']]}", item) for item in told.get("names", ()) if item["host"] in proxies]


def _name(subject: str, told: Mapping[str, Any]) -> Check:
    host, addresses, reverse = told["host"], list(told["addresses"]), [str(name) for name in told["reverse"]]
    if not addresses:
        fix = "Add the name to the DNS that the server uses: it connects to its proxies by name."
        return Check(subject, "name-at-server", Level.WARNING, f"the server cannot resolve {host}", fix)
    said = f"on the server {host} is {', '.join(addresses)}"
    if matches(host, reverse):
        return Check(subject, "name-at-server", Level.OK, f"{said}, and back")
    fix = f"Add a PTR record for {addresses[0]}: names have to resolve both ways between the server and its proxies."
    return Check(subject, "name-at-server", Level.WARNING, f"{said}, which is {', '.join(reverse) or 'no name'}", fix)
