"""Checks on this machine: secrets, certificates, packages, and trusted host keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.doctor.check import Check, Level, expiry, failed
from reconciler.kinds.packages import file_name
from reconciler.model.connection import Transport
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import RemoteError, SecretError
from reconciler.model.sentences import CREATE_FILE

if TYPE_CHECKING:
    from reconciler.doctor.run import CheckContext
    from reconciler.model.connection import Certificate, Connection, Credential, Package


def check_credential(context: CheckContext, login: Credential) -> Iterator[Check]:
    """Whether every part of a login can be resolved. The values are not used."""
    subject = f"credential.{login.name}"
    resolved = []
    for name, reference in login.secrets.items():
        try:
            context.connection_context.secret(reference)
        except SecretError as error:
            yield failed(subject, name, error)
        else:
            resolved.append(name)
    for name, file in (("keytab", login.keytab), ("certificate_file", login.certificate_file)):
        if file and context.connection_context.file(file).is_file():
            resolved.append(name)
        elif file:
            fix = CREATE_FILE
            yield Check(subject, name, Level.ERROR, f"the file {file} does not exist", fix)
    if resolved:
        yield Check(subject, "secrets", Level.OK, f"resolved: {', '.join(resolved)}")


def check_certificate(context: CheckContext, certificate: Certificate) -> Iterator[Check]:
    """Whether a certificate of the inventory can be opened, and until when it is valid."""
    from reconciler.inventory.certificates import end_of

    subject = f"certificate.{certificate.name}"
    try:
        yield expiry(subject, "expiry", end_of(certificate, context.connection_context), context.now)
    except SecretError as error:
        yield failed(subject, "expiry", error)


def check_package(context: CheckContext, package: Package) -> Iterator[Check]:
    """Whether a package beside the inventory has the declared digest. One with an address is compared when it is
    downloaded."""
    from reconciler.clients.http.download import fetch

    if package.source.startswith("https://"):
        return
    subject = f"package.{file_name(package.source)}"
    try:
        fetch(package, context.access.root, deadline=0.0)
    except Diagnosed as problem:
        for item in problem.diagnostics:
            yield Check(subject, "digest", Level.ERROR, item.detail, item.fix)
    else:
        yield Check(subject, "digest", Level.OK, f"SHA-256 {package.sha256[:12]}… as declared")


def check_known_host(context: CheckContext, connection: Connection) -> Iterator[Check]:
    """Whether a key of an SSH host is trusted: without one no connection is made."""
    if connection.transport is not Transport.SSH:
        return
    from reconciler.clients.ssh.host_keys import HostKeys

    subject = f"host.{connection.name}"
    if connection.jump is not None:
        for row in check_known_host(context, connection.jump):
            yield replace(row, subject=f"jump.{connection.jump.host}")
    try:
        keys = HostKeys.of(connection, context.access.root)
    except RemoteError as error:
        yield failed(subject, "known-host", error)
        return
    if keys.trusted or keys.authorities:
        found = f"trusted: {len(keys.trusted)} of its keys, {len(keys.authorities)} authorities"
        yield Check(subject, "known-host", Level.OK, found)
        return
    port = "" if connection.target[1] == 22 else f"-p {connection.target[1]} "
    yield Check(
        subject,
        "known-host",
        Level.ERROR,
        "none of its host keys is trusted",
        "Read the key, compare its fingerprint on the host itself, then pin it with `connection.host_keys`:\n"
        f"  ssh-keyscan {port}-t ed25519 {connection.target[0]}",
    )
