"""What can be judged on this machine alone: secrets, certificates of the inventory, host keys that are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reconciler.checkup.check import Check, Level, expiry, failed
from reconciler.model.connection import Transport
from reconciler.model.errors import RemoteError, SecretError

if TYPE_CHECKING:
    from reconciler.checkup.checkup import Ground
    from reconciler.model.connection import Certificate, Connection, Credential


def check_credential(ground: Ground, login: Credential) -> Iterator[Check]:
    """Whether every part of a login can be had. The values are looked at by nobody."""
    subject = f"credential.{login.name}"
    parts = {"password": login.password, "private_key": login.private_key, "passphrase": login.passphrase}
    there = []
    for name, reference in parts.items():
        if reference is None:
            continue
        try:
            ground.resolver.resolve(reference)
        except SecretError as error:
            yield failed(subject, name, error)
        else:
            there.append(name)
    if there:
        yield Check(subject, "secrets", Level.OK, f"{', '.join(there)} can be resolved")


def check_certificate(ground: Ground, certificate: Certificate) -> Iterator[Check]:
    """Whether a certificate of the inventory can be opened, and until when it is good."""
    from reconciler.inventory.certificates import end_of

    subject = f"certificate.{certificate.name}"
    try:
        yield expiry(subject, "expiry", end_of(certificate, ground.resolver, ground.access.root), ground.now)
    except SecretError as error:
        yield failed(subject, "expiry", error)


def check_known_host(ground: Ground, connection: Connection) -> Iterator[Check]:
    """Whether a host that is reached by SSH has a key that is trusted: without one no connection is made."""
    if connection.transport is not Transport.SSH:
        return
    from reconciler.clients.hosts import trusted_keys

    subject = f"host.{connection.name}"
    try:
        keys = trusted_keys(connection, ground.access.root)
    except RemoteError as error:
        yield failed(subject, "known-host", error)
        return
    if keys:
        yield Check(subject, "known-host", Level.OK, f"{len(keys)} host key(s) trusted")
        return
    port = "" if connection.target[1] == 22 else f"-p {connection.target[1]} "
    yield Check(
        subject,
        "known-host",
        Level.ERROR,
        "no host key of it is trusted",
        "Read the key, compare its fingerprint on the host itself, then pin it with `connection.host_keys`:\n"
        f"  ssh-keyscan {port}-t ed25519 {connection.target[0]}",
    )
