"""The way to a peer in stages: connection, identity, login, answer. The first that fails hides those behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from reconciler.clients import peer_info
from reconciler.doctor.check import Check, Level, expiry, failed
from reconciler.model.connection import Transport
from reconciler.model.errors import (
    AuthenticationFailed,
    ReconcileError,
    RemoteError,
    SecretError,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.model.connection import Connection

CONNECTION, IDENTITY, LOGIN, ANSWER = "connection", "identity", "login", "answer"
STAGES: Final = (CONNECTION, IDENTITY, LOGIN, ANSWER)

_AT: Final[Mapping[type[ReconcileError], str]] = {
    Unreachable: CONNECTION,
    Unavailable: CONNECTION,
    UntrustedPeer: IDENTITY,
    AuthenticationFailed: LOGIN,
    SecretError: LOGIN,
    RemoteError: ANSWER,
}


def stage_of(error: ReconcileError) -> str:
    """Which stage an error belongs to."""
    return next(stage for kind, stage in _AT.items() if isinstance(error, kind))


def stopped(subject: str, error: ReconcileError, *, peer: str = "") -> list[Check]:
    """Rows for a way that ended with `error`: the stages passed, the one that failed, and those nobody got to. `peer`
    as in `failed`."""
    at = STAGES.index(stage_of(error))
    hidden = f"not looked at, because of {STAGES[at]}"
    return [
        *passed(subject, STAGES[:at]),
        failed(subject, STAGES[at], error, peer=peer),
        *(Check(subject, stage, Level.UNKNOWN, hidden) for stage in STAGES[at + 1 :]),
    ]


def passed(subject: str, stages: Sequence[str] = STAGES, *, answer: str = "answered") -> list[Check]:
    """Rows for stages that were passed; `answer` is what came."""
    said = {CONNECTION: "connected", IDENTITY: "trusted", LOGIN: "accepted", ANSWER: answer}
    return [Check(subject, stage, Level.OK, said[stage]) for stage in stages]


def check_host_name(subject: str, connection: Connection) -> Iterator[Check]:
    """The name of a host; of one behind a jump host that of the jump host, since it is that one which looks it up."""
    if connection.jump is None:
        yield from check_name(subject, connection.host, connection.address)
        return
    yield Check(subject, "name", Level.OK, f"not looked up here: {connection.jump.host} does it")
    yield from check_host_name(f"jump.{connection.jump.host}", connection.jump)


def certificate_row(subject: str, connection: Connection, root: str, now: datetime) -> list[Check]:
    """How long the certificate of WinRM is good, where there is one. Raises Unreachable and UntrustedPeer."""
    if connection.transport is not Transport.WINRM:
        return []
    if connection.listener == "http":
        return [Check(subject, "certificate", Level.OK, "none: the listener is http, and the messages are encrypted")]
    return [expiry(subject, "certificate", peer_info.host_certificate_end(connection, root), now)]


def is_address(host: str) -> bool:
    """Whether a host is named by its address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def matches(host: str, names: Iterable[str]) -> bool:
    """Whether one of the names that an address resolves back to is the host's, with or without its domain."""
    short = host.lower().partition(".")[0]
    return any(name.lower().partition(".")[0] == short for name in names)


def check_name(subject: str, host: str, address: str) -> Iterator[Check]:
    """The name of a peer both ways, as this machine sees it; not where the inventory gives its address."""
    if address and address != host:
        yield Check(subject, "name", Level.OK, f"not looked up: the inventory gives the address {address}")
        return
    try:
        found = peer_info.addresses(host)
    except Unreachable as error:
        yield failed(subject, "name", error)
        return
    back = sorted({name for item in found for name in peer_info.names(item)})
    if host in found or matches(host, back):
        yield Check(subject, "name", Level.OK, f"{host} is {', '.join(found)}, and back")
        return
    seen = ", ".join(back) if back else "no name"
    fix = f"Add a PTR record for {found[0]}: names have to resolve both ways between the server and its proxies."
    yield Check(subject, "name", Level.WARNING, f"{host} is {', '.join(found)}, which is {seen}", fix)
