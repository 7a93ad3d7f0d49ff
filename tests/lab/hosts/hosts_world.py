"""A server and three hosts without the REST half: domain Windows, workgroup Windows, Linux."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.clients.smtp import Relay
from reconciler.lab.fleet import Deployment
from reconciler.lab.hosts import link
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.fleet import LabFleet
from reconciler.lab.hosts.host import Fresh, Host, Surroundings
from reconciler.lab.hosts.linux.host import LinuxHost
from reconciler.lab.hosts.linux.host import fresh as fresh_linux
from reconciler.lab.hosts.server_link import Dialler
from reconciler.lab.hosts.ssh import SshService
from reconciler.lab.hosts.windows.host import WindowsHost
from reconciler.lab.hosts.windows.machine import fresh as fresh_windows
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority, ssh_key, ssh_public
from reconciler.lab.state import Document
from reconciler.model.connection import Connection, Credential, Deadlines, Transport, Trust
from reconciler.model.secret import Secret, SecretRef

SERVER, BUILD = "vbo01.corp.example.com", "8.5.0.1014"
LON, DMZ, LNX = "px-lon-1.corp.example.com", "px-dmz-1.example.net", "px-lnx-1.example.net"
NOW = datetime(2026, 11, 23, 8, 50, tzinfo=UTC)
PASSWORDS = {"lon": "Corp:pass 1", "dmz": "Dmz pass 1", "lnx": "Lnx 'pass\\ 1"}


@dataclass(slots=True)
class World:
    folder: Path
    network: Network
    authority: Authority
    fleet: LabFleet
    lon: WindowsHost
    dmz: WindowsHost
    lnx: LinuxHost
    mails: list[tuple[Relay, bytes]] = field(default_factory=list)

    @property
    def hosts(self) -> list[Host]:
        return [self.lon, self.dmz, self.lnx]

    def certificate(self, label: str = "server") -> str:
        identity = self.authority.self_signed(label)
        return (identity.cert_pem + identity.key_pem).decode()

    def order(self, host: Host, **changes: Any) -> Deployment:
        """What the server orders to deploy, with the right login."""
        answer: dict[str, Any] = {
            "host": host.name,
            "os": host.state["os"],
            "domain": host is self.lon,
            "port": 9193,
            "build": BUILD,
            "server": SERVER,
            "certificate": self.certificate(),
        }
        if host is self.lnx:
            answer["ssh"] = self.ssh()
        else:
            name = "lon" if host is self.lon else "dmz"
            answer |= {"username": "CORP\\svc" if name == "lon" else "Administrator", "password": PASSWORDS[name]}
        return Deployment(**answer | changes)

    def ssh(self, **changes: Any) -> dict[str, Any]:
        return {
            "account": "backup",
            "accountPassword": PASSWORDS["lnx"],
            "port": 22,
            "elevateAccountToRoot": True,
            "publicBase64Key": self.lnx.public_key.split()[1],
        } | changes

    def version(self, host: Host, port: int = 9193, certificate: str = "") -> str | None:
        return self.fleet.version_of(
            host.name, port, domain=host is self.lon, certificate=certificate or self.certificate(), server=SERVER
        )

    def connection(self, host: Host, credential: Credential) -> Connection:
        address, port = self.network.resolve(host.name, host.port)
        keys = (host.public_key,) if isinstance(host, LinuxHost) else ()
        return Connection(
            name=host.name,
            host=host.name,
            transport=Transport(host.transport),
            credential=credential,
            address=address,
            port=port,
            trust=Trust(host_keys=keys) if keys else Trust(ca_file=str(self.authority.ca_file)),
            deadlines=Deadlines(connect=5, call=10),
        )


class Given:
    """Resolves `secret://lab/NAME` from a map."""

    def __init__(self, **values: str) -> None:
        self._values = values

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(self._values[reference.path])


@contextmanager
def hosts_world(folder: Path) -> Iterator[World]:
    network, authority, domain = Network(str(folder)), Authority(folder / "pki"), link.Domain(b"key")
    for name in (SERVER, LON, DMZ, LNX):
        network.add(name)
    dialler = Dialler(network, domain, authority.client_context)
    mails: list[tuple[Relay, bytes]] = []

    def send(host: str, relay: Relay, sender: str, recipients: Sequence[str], message: bytes) -> dict[str, str]:
        mails.append((relay, message))
        return {}

    ssh, hosts = SshService(), folder / "hosts"
    with Acceptor() as acceptor:
        around = Surroundings(hosts, network, acceptor, lambda: ssh, authority, domain, send, lambda: NOW, time.sleep)

        def document(fresh: Fresh) -> Document:
            make = fresh_linux if fresh.os == "linux" else fresh_windows
            return Document(hosts / f"{fresh.name}.json", lambda: make(fresh))

        world = World(
            folder,
            network,
            authority,
            LabFleet(Document(folder / "fleet.json", lambda: {"accounts": {}}), network, authority, dialler),
            WindowsHost(document(Fresh(LON, "windows", "corp.example.com")), around),
            WindowsHost(document(Fresh(DMZ, "windows")), around),
            LinuxHost(document(Fresh(LNX, "linux")), around),
            mails,
        )
        world.lon.accounts.adopt("CORP\\svc", PASSWORDS["lon"])
        world.dmz.accounts.adopt("Administrator", PASSWORDS["dmz"])
        public = ssh_public(ssh_key(folder / "id"))
        world.lnx.accounts.adopt("backup", password=PASSWORDS["lnx"], key=public, sudo="ALL")
        for host in world.hosts:
            host.start()
        try:
            yield world
        finally:
            for host in world.hosts:
                host.stop()
            ssh.close()
    network.close()
