"""A WinRM host for tests: two accounts, a mapped certificate, and a program that does what its command line says."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.ntlm import RELAXED, nt_hash
from reconciler.lab.hosts.wsman import Command, Endpoint, Engine, Limits, User
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority, Identity

NAME = "px-1.example.net"
PASSWORDS = {("", "admin"): "Secret:1!", ("CORP", "alice"): "Pässword1", ("", "bob"): "Weak1"}


class FewAccounts:
    """`admin` and `CORP\\alice` are administrators, `bob` is not; `certificate` is mapped to `svc`."""

    def __init__(self, certificate: bytes = b"") -> None:
        self.certificate = certificate

    def nt_hash(self, domain: str, user: str) -> bytes | None:
        password = PASSWORDS.get((domain, user))
        return nt_hash(password) if password else None

    def user(self, domain: str, user: str) -> User:
        return User(f"{domain}\\{user}" if domain else user, admin=user != "bob")

    def mapped(self, certificate: bytes) -> User | None:
        return User("PX-1\\svc") if certificate == self.certificate else None


def program(command: Command) -> int:
    """`powershell -encodedcommand`: big N, sleep N, fail, count (of standard input), or anything else."""
    script = base64.b64decode(command.text.split()[-1]).decode("utf-16-le")
    word, _, rest = script.partition(" ")
    if word == "big":
        command.write("stdout", b"x" * int(rest))
    elif word == "sleep":
        return 130 if command.sleep(float(rest)) else 0
    elif word == "fail":
        command.write("stderr", b'{"message":"no"}')
        return 70
    elif word == "count":
        command.write("stdout", str(len(command.read_all())).encode())
    elif word == "break":
        raise RuntimeError("a bug in a program")
    else:
        command.write("stdout", f"{command.owner} ran {script}".encode())
    return 0


@dataclass(frozen=True, slots=True)
class World:
    endpoint: Endpoint
    url: str
    ca: str
    client: Identity


@contextmanager
def winrm_host(
    folder: Path,
    *,
    tls: bool = True,
    limits: Limits | None = None,
    bound_to: bytes = b"",
    hardening: str = RELAXED,
) -> Iterator[World]:
    authority = Authority(folder / "pki")
    network = Network(str(folder))
    client = authority.client("logon", "svc@localhost")
    identity = authority.host(NAME, [network.add(NAME)])
    context = authority.context(identity)
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    binding = bound_to or hashlib.sha256(identity.der).digest()
    engine = Engine("PX-1", program, limits)
    endpoint = Endpoint(engine, FewAccounts(client.der), NAME, binding if tls else b"", hardening=hardening)
    with Acceptor() as acceptor:
        acceptor.open(network.listen(NAME, 5986), endpoint.serve, (lambda: context) if tls else None)
        address, port = network.resolve(NAME, 5986)
        scheme = "https" if tls else "http"
        yield World(endpoint, f"{scheme}://{address}:{port}/wsman", str(authority.ca_file), client)
        engine.close()
    network.close()
