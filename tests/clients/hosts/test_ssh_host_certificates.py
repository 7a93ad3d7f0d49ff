"""Host certificates: what an authority vouches for is believed, under OpenSSH's rules and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.ssh.host_keys import authority_of, certificate_flaw, decode
from reconciler.model.connection import Connection, Credential, Transport, Trust
from reconciler.model.errors import UntrustedPeer
from reconciler.model.script import Script
from reconciler.model.secret import SecretRef
from tests.clients.hosts.conftest import PASSWORD
from tests.clients.hosts.secrets import context
from tests.clients.hosts.sshd import Sshd, running

HOST = "px-lnx-1.example.net"
OTHER = " ".join(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])
AUTHORITY = asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


class World:
    """Hosts with certificates, each on its own port."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack

    def host(self, authority: asyncssh.SSHKey = AUTHORITY, kind: str = "ssh-ed25519", **options: Any) -> Sshd:
        key = asyncssh.generate_private_key(kind)
        certificate = authority.generate_host_certificate(key, "px", **{"principals": [HOST], **options})
        server = Sshd(self.folder, passwords={"backup": PASSWORD}, host_key=key, host_certificate=certificate)
        return self.stack.enter_context(running(server))

    def trust(self, *lines: str) -> Trust:
        (self.folder / "known").write_text("\n".join(lines) + "\n")
        return Trust(known_hosts=("known",))

    def log_in(self, server: Sshd, trust: Trust, verified_name: str = "") -> int:
        connection = Connection(
            "px-lnx-1",
            HOST,
            Transport.SSH,
            Credential("linux", "backup", password=SecretRef("test", PASSWORD)),
            address="127.0.0.1",
            port=server.port,
            trust=trust,
            verified_name=verified_name,
        )
        with open_host(connection, context(self.folder)) as host:
            return int(host.execute(Script("linux/one.sh", "echo 1"), {}, deadline=20))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path, stack)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
def test_an_authority_in_known_hosts_vouches_for_the_host(world: World, kind: str) -> None:
    authority = asyncssh.generate_private_key(kind)
    trust = world.trust(f"@cert-authority *.example.net {public(authority)}")
    assert world.log_in(world.host(authority, kind), trust) == 1


def test_an_authority_pinned_in_the_inventory(world: World) -> None:
    assert world.log_in(world.host(), Trust(host_keys=(f"@cert-authority {public(AUTHORITY)}",))) == 1


def test_a_certificate_for_the_name_that_the_host_proves(world: World) -> None:
    server = world.host(principals=["own.example.com"])
    trust = world.trust(f"@cert-authority *.example.com {public(AUTHORITY)}")
    assert world.log_in(server, trust, "own.example.com") == 1
    with pytest.raises(UntrustedPeer, match="issued for own"):
        world.log_in(server, world.trust(f"@cert-authority * {public(AUTHORITY)}"))


def test_a_key_that_is_pinned_needs_no_certificate(world: World) -> None:
    server = world.host(asyncssh.generate_private_key("ssh-ed25519"))
    assert world.log_in(server, Trust(host_keys=(server.public,))) == 1
    both = Trust(host_keys=(server.public, f"@cert-authority {public(AUTHORITY)}"))
    assert world.log_in(server, both) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"principals": ["other.example.net"]}, "issued for other.example.net"),
        ({"principals": []}, "issued for no name"),
        ({"valid_before": int(time.time()) - 60, "valid_after": 1}, "has expired"),
        ({"valid_after": int(time.time()) + 3600}, "not valid yet"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(world: World, options: dict[str, Any], said: str) -> None:
    server = world.host(**options)
    with pytest.raises(UntrustedPeer, match=said):
        world.log_in(server, world.trust(f"@cert-authority * {public(AUTHORITY)}"))
    assert server.logins == []


def test_a_certificate_by_somebody_else_is_refused(world: World) -> None:
    server = world.host(asyncssh.generate_private_key("ssh-ed25519"))
    with pytest.raises(UntrustedPeer, match="a certificate by SHA256:"):
        world.log_in(server, world.trust(f"@cert-authority * {public(AUTHORITY)}"))


def test_an_authority_counts_for_its_names_alone(world: World) -> None:
    with pytest.raises(UntrustedPeer, match="no key of this host is trusted yet"):
        world.log_in(world.host(), world.trust(f"@cert-authority *.example.org {public(AUTHORITY)}"))


def test_what_is_revoked_is_not_believed_whoever_vouches_for_it(world: World) -> None:
    server = world.host()
    vouched = f"@cert-authority * {public(AUTHORITY)}"
    with pytest.raises(UntrustedPeer, match="marks as revoked"):
        world.log_in(server, world.trust(vouched, f"@revoked * {server.public}"))
    with pytest.raises(UntrustedPeer, match="a certificate by SHA256:"):
        world.log_in(server, world.trust(vouched, f"@revoked * {public(AUTHORITY)}", f"@cert-authority * {OTHER}"))


def test_the_key_of_an_authority_is_no_host_key(world: World) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = Sshd(world.folder, passwords={"backup": PASSWORD}, host_key=key)
    with pytest.raises(UntrustedPeer):
        world.log_in(world.stack.enter_context(running(server)), world.trust(f"@cert-authority * {public(key)}"))


def wire(certificate: asyncssh.SSHCertificate) -> bytes:
    found = decode(certificate.export_certificate().decode())
    assert found is not None
    return found


def test_every_changed_byte_is_noticed() -> None:
    good = wire(AUTHORITY.generate_host_certificate(AUTHORITY, "px", principals=[HOST]))
    assert certificate_flaw(good, HOST, time.time()) == ""
    assert authority_of(good) == decode(public(AUTHORITY))
    for place in range(len(good)):
        assert certificate_flaw(good[:place] + bytes((good[place] ^ 1,)) + good[place + 1 :], HOST, time.time())


def test_the_certificate_of_a_user_and_a_signature_with_sha1_are_no_good() -> None:
    user = wire(AUTHORITY.generate_user_certificate(AUTHORITY, "px", principals=[HOST]))
    assert "cannot be read" in certificate_flaw(user, HOST, time.time())
    signer = asyncssh.generate_private_key("ssh-rsa")
    old = wire(signer.generate_host_certificate(AUTHORITY, "px", principals=[HOST], sig_alg="ssh-rsa"))
    new = wire(signer.generate_host_certificate(AUTHORITY, "px", principals=[HOST], sig_alg="rsa-sha2-256"))
    assert "signature" in certificate_flaw(old, HOST, time.time())
    assert certificate_flaw(new, HOST, time.time()) == ""
