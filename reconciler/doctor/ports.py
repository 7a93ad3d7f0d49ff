"""The ports that the product needs between the server and its proxies (facts, 3.4), tried from where they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.clients.script_output import interpreting
from reconciler.doctor.check import Check, Level
from reconciler.model.errors import RemoteError
from reconciler.model.version import version_numbers
from reconciler.package_data import shipped_script

if TYPE_CHECKING:
    from reconciler.clients.host_session import ScriptRunner
    from reconciler.model.inventory import Resource

SERVER: Final = "the server"
"""The origin of what the server connects to."""

_SERVICE: Final = 9191
_NATS, _POSTGRESQL = 4222, 5432
_IN_DOUBT: Final = ": nothing listens there, or a firewall is in the way"
_FIX: Final = "Let the firewalls of both and between them pass this connection."


class Port(NamedTuple):
    """A port of `host`, and what it is for. `certain`: a connection that fails shows that something is in the way;
    otherwise nothing may listen there yet, or it is on another machine. `origin`: a proxy that connects to another."""

    subject: str
    host: str
    port: int
    why: str
    certain: bool = True
    origin: str = ""

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    def name(self, origin: str) -> str:
        return f"port-{self.port}-from-{self.origin or ('server' if origin == SERVER else 'proxy')}"


def of_proxy(proxy: Resource, ssh_port: int) -> Iterator[Port]:
    """What the server connects to on the host of a proxy."""
    subject, host = f"host.{proxy.name}", str(proxy.fields["host"])
    if proxy.fields.get("service.install", "push") == "push":
        if proxy.fields.get("os") == "linux":
            yield Port(subject, host, ssh_port, "the server deploys the proxy service through SSH")
        else:
            yield Port(subject, host, 445, "the server deploys the proxy service through the share ADMIN$")
    yield Port(subject, host, int(proxy.fields.get("port", 9193)), "the proxy service", certain=False)


def of_pool(members: Sequence[Resource], proxy: Resource) -> Iterator[Port]:
    """What a proxy connects to on the other members of its pool."""
    for member in members:
        if member.name != proxy.name:
            host, port = str(member.fields["host"]), int(member.fields.get("port", 9193))
            why = "the proxy service of another member of its pool"
            yield Port(f"host.{member.name}", host, port, why, certain=False, origin=proxy.name)


def of_server(subject: str, server: str) -> Iterator[Port]:
    """What a proxy connects to on the server."""
    yield Port(subject, server, _SERVICE, "the main service, which proxies connect to")
    yield Port(subject, server, _NATS, "NATS, which proxies connect to", certain=False)
    yield Port(subject, server, _POSTGRESQL, "PostgreSQL, which proxies connect to", certain=False)


def are_used(row: Check, build: str) -> bool:
    """Whether a server of this build has what `row` is about: NATS and PostgreSQL came with version 8."""
    is_new = row.name.startswith((f"port-{_NATS}-", f"port-{_POSTGRESQL}-"))
    return not is_new or version_numbers(build) >= (8,)


def is_port(row: Check) -> bool:
    return row.name.startswith("port-")


def proven(row: Check, listening: bool | None) -> Check | None:
    """`row` where the host says whether the proxy service listens: if it does, a connection that fails shows that
    something is in the way; if not, there is nothing to show yet."""
    if row.level is not Level.UNKNOWN or not row.found.endswith(_IN_DOUBT) or row.name.endswith("-from-proxy"):
        return row
    if listening is None:
        return row
    found = row.found.removesuffix(_IN_DOUBT)
    return Check(row.subject, row.name, Level.WARNING, f"{found}, where it listens", _FIX) if listening else None


def check_ports(host: ScriptRunner, os: str, origin: str, ports: list[Port], deadline: float) -> list[Check]:
    """Connect to `ports` from the host of a session, which is called `origin`."""
    script = shipped_script("linux/reach.sh" if os == "linux" else "windows/reach.ps1")
    try:
        answer = host.execute(script, {"targets": " ".join(port.target for port in ports)}, deadline=deadline)
        with interpreting(origin, script.name):
            found: Mapping[str, bool | None] = {item["target"]: item["open"] for item in answer["ports"]}
            return [_row(port, origin, found[port.target]) for port in ports]
    except RemoteError as error:
        return [Check(port.subject, port.name(origin), Level.UNKNOWN, error.reason) for port in ports]


def _row(port: Port, origin: str, is_open: bool | None) -> Check:
    name, origin = port.name(origin), port.origin or origin
    if is_open:
        return Check(port.subject, name, Level.OK, f"{origin} connects to {port.target} ({port.why})")
    if is_open is None:
        return Check(port.subject, name, Level.UNKNOWN, f"not known whether {origin} connects to {port.target}")
    found = f"{origin} does not connect to {port.target} ({port.why})"
    if not port.certain:
        return Check(port.subject, name, Level.UNKNOWN, f"{found}{_IN_DOUBT}")
    return Check(port.subject, name, Level.WARNING, found, _FIX)
