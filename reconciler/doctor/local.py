"""What can be judged on this machine alone: secrets, certificates, packages, and host keys that are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.doctor.check import Check, Level, expiry, failed
from reconciler.kinds.packages import file_name
from reconciler.model.connection import Transport
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import RemoteError, SecretError

if TYPE_CHECKING:
    from reconciler.doctor.run import CheckContext
    from reconciler.model.connection import Certificate, Connection, Credential, Package


def check_credential(ground: CheckContext, login: Credential) -> Iterator[Check]:
    """Whether every part of a login can be had. The values are looked at by nobody."""
    subject = f"credential.{login.name}"
    parts = {"password": login.password, "private_key": login.private_key, "passphrase": login.passphrase}
    there = []
    for name, reference in parts.items():
        if reference is None:
            continue
        try:
            ground.context.secret(reference)
        except SecretError as error:
            yield failed(subject, name, error)
        else:
            there.append(name)
    for name, file in (("keytab", login.keytab), ("certificate_file", login.certificate_file)):
        if file and ground.context.file(file).is_file():
            there.append(name)
        elif file:
            fix = "Put it there, or correct the path; it starts from the folder of the inventory."
            yield Check(subject, name, Level.ERROR, f"there is no file {file}", fix)
    if there:
        yield Check(subject, "secrets", Level.OK, f"{', '.join(there)} can be had")


def check_certificate(ground: CheckContext, certificate: Certificate) -> Iterator[Check]:
    """Whether a certificate of the inventory can be opened, and until when it is good."""
    from reconciler.inventory.certificates import end_of

    subject = f"certificate.{certificate.name}"
    try:
        yield expiry(subject, "expiry", end_of(certificate, ground.context), ground.now)
    except SecretError as error:
        yield failed(subject, "expiry", error)


def check_package(ground: CheckContext, package: Package) -> Iterator[Check]:
    """Whether a package that lies beside the inventory is there, and is the one that is declared. Those that are
    downloaded are compared when they are."""
    from reconciler.clients.http.download import fetch

    if package.source.startswith("https://"):
        return
    subject = f"package.{file_name(package.source)}"
    try:
        fetch(package, ground.access.root, deadline=0.0)
    except Diagnosed as problem:
        for item in problem.diagnostics:
            yield Check(subject, "digest", Level.ERROR, item.detail, item.fix)
    else:
        yield Check(subject, "digest", Level.OK, f"SHA-256 {package.sha256[:12]}… as declared")


def check_known_host(ground: CheckContext, connection: Connection) -> Iterator[Check]:
    """Whether a host that is reached by SSH has a key that is trusted: without one no connection is made."""
    if connection.transport is not Transport.SSH:
        return
    from reconciler.clients.ssh.host_keys import HostKeys

    subject = f"host.{connection.name}"
    if connection.jump is not None:
        for row in check_known_host(ground, connection.jump):
            yield replace(row, subject=f"jump.{connection.jump.host}")
    try:
        keys = HostKeys.of(connection, ground.access.root)
    except RemoteError as error:
        yield failed(subject, "known-host", error)
        return
    if keys.trusted or keys.authorities:
        said = f"trusted: {len(keys.trusted)} of its keys, {len(keys.authorities)} authorities"
        yield Check(subject, "known-host", Level.OK, said)
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
