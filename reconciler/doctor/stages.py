"""Connecting to a peer in stages: connection, identity, login, answer. Those after a failure are unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from reconciler.clients import dns_and_tls
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
    """The stage in which an error occurs."""
    return next(stage for kind, stage in _AT.items() if isinstance(error, kind))


def stopped(subject: str, error: ReconcileError, *, peer: str = "") -> list[Check]:
    """The checks of all stages of a connection that failed with `error`. `peer` is as in `failed`."""
    at = STAGES.index(stage_of(error))
    hidden = f"not checked: {STAGES[at]} failed"
    before = passed(subject, STAGES[:at])
    if isinstance(error, SecretError) or (isinstance(error, RemoteError) and error.is_local):
        before = [
            Check(subject, stage, Level.UNKNOWN, f"not reached: {STAGES[at]} failed first") for stage in STAGES[:at]
        ]
    return [
        *before,
        failed(subject, STAGES[at], error, peer=peer),
        *(Check(subject, stage, Level.UNKNOWN, hidden) for stage in STAGES[at + 1 :]),
    ]


def passed(subject: str, stages: Sequence[str] = STAGES, *, answer: str = "answered") -> list[Check]:
    """The checks of stages that were passed; `answer` is what the peer answered."""
    found = {CONNECTION: "connected", IDENTITY: "trusted", LOGIN: "accepted", ANSWER: answer}
    return [Check(subject, stage, Level.OK, found[stage]) for stage in stages]


def check_host_name(subject: str, connection: Connection) -> Iterator[Check]:
    """The name of a host. The name of one behind a jump host is resolved there, so the jump host's is checked."""
    if connection.jump is None:
        yield from check_name(subject, connection.host, connection.address)
        return
    yield Check(subject, "name", Level.OK, f"not resolved here: {connection.jump.host} resolves it")
    yield from check_host_name(f"jump.{connection.jump.host}", connection.jump)


def check_listener(subject: str, connection: Connection, root: str, now: datetime) -> list[Check]:
    """Until when the certificate of a WinRM listener is valid. Raises Unreachable and UntrustedPeer."""
    if connection.transport is not Transport.WINRM:
        return []
    if connection.listener == "http":
        return [Check(subject, "certificate", Level.OK, "none: the listener is http, with encrypted messages")]
    return [expiry(subject, "certificate", dns_and_tls.host_certificate_end(connection, root), now)]


def matches(host: str, names: Iterable[str]) -> bool:
    """Whether one of `names` is that of the host, with or without its domain."""
    short = host.lower().partition(".")[0]
    return any(name.lower().partition(".")[0] == short for name in names)


def check_name(subject: str, host: str, address: str) -> Iterator[Check]:
    """The name of a peer both ways, as this machine resolves it. Skipped if the inventory has its address."""
    if address and address != host:
        yield Check(subject, "name", Level.OK, f"not resolved: the inventory has the address {address}")
        return
    try:
        found = dns_and_tls.addresses(host)
    except Unreachable as error:
        yield failed(subject, "name", error)
        return
    back = sorted({name for item in found for name in dns_and_tls.names(item)})
    if host in found or matches(host, back):
        yield Check(subject, "name", Level.OK, f"{host} resolves to {', '.join(found)} and back")
        return
    yield Check(subject, "name", Level.WARNING, one_way(host, found, back), PTR.format(address=found[0]))


PTR: Final = "Add a PTR record for {address}: names have to resolve both ways between the server and its proxies."


def one_way(host: str, addresses: Sequence[str], names: Sequence[str]) -> str:
    """`px-1 resolves to 10.0.0.7, which resolves to other.example.net`."""
    back = f"resolves to {', '.join(names)}" if names else "has no name"
    return f"{host} resolves to {', '.join(addresses)}, which {back}"
