"""An estate: real Debian hosts, the management server of the lab in their network, and an inventory of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.inventory import load
from reconciler.lab.lab import Lab
from reconciler.lab.outside import Machine, Outside
from reconciler.lab.pki import ssh_public
from reconciler.model.secret import SecretRef
from reconciler.operations.paths import lab_folder
from tests.integration.hosts import ADMIN, OUTSIDE, Host
from tests.integration.proxy.package import NAME, UNIT, Push
from tests.scenarios.rehearsal import Rehearsal

SERVER, MAIL = "vbo.example.net", "smtp.example.net"

INVENTORY = r"""version: 1
name: estate
server:
  host: vbo.example.net
  rest: v8
  credentials: admin
  powershell: {credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
  linux:
    username: admin
    private_key: secret://file/id_ed25519
    password: secret://env/LINUX_PASSWORD
    sudo: true
  mailer: {username: mailer, password: secret://env/SMTP_PASSWORD}
defaults:
  proxy:
    os: linux
    type: workgroup
    credentials: linux
    service: {install: push, version: server}
proxies:
@PROXIES@
repositories:
  bucket:
    proxy: px-1
    object_storage: {type: s3-compatible, account: minio, endpoint: 'https://s3.example.net', bucket: vbo, folder: f}
    retention: {type: item-level, keep: 1 year}
organizations:
  contoso.example.com: {proxies: [px-1]}
jobs:
  contoso:
    organization: contoso.example.com
    repository: bucket
    items: [mailbox]
    schedule: {daily: "22:00"}
    run: on-change
smtp:
  server: smtp.example.net
  port: 587
  security: tls
  credentials: mailer
  from: vbo@example.net
  to: [it@example.net]
  notify: [success, warning, failure]
"""

SUPPORTED = """\
PRETTY_NAME="Debian that passes for Ubuntu 22.04"
ID=ubuntu
VERSION_ID="22.04"
"""
"""What hosts say that they are, because the product supports no Debian and a plan would say so for ever."""


@dataclass
class Estate(Rehearsal):
    hosts: Sequence[Host] = ()
    push: Push = field(default_factory=Push)
    lab: Lab | None = None

    def services(self) -> dict[str, tuple[str, str]]:
        """What dpkg and systemd of each host say of the proxy service: version and state, empty where there is none."""
        asked = f"dpkg-query -W -f '${{Version}}' {NAME} 2>/dev/null; echo; systemctl is-active {UNIT} || :"
        answer = ((host.name.partition(".")[0], host.console(asked).split("\n")) for host in self.hosts if host.is_on)
        return {name: (lines[0], lines[1]) for name, lines in answer}

    def mails(self) -> list[dict[str, object]]:
        assert self.lab is not None
        return self.lab.mails()


@contextmanager
def estate(folder: Path, hosts: Sequence[Host]) -> Iterator[Estate]:
    """The hosts with an account each, as in the lab, and with its names and authority; it runs as long."""
    made = Estate(folder, hosts=hosts)
    proxies = "".join(f"  {host.name.partition('.')[0]}: {{host: {host.name}}}\n" for host in hosts)
    made.file.write_text(INVENTORY.replace("@PROXIES@\n", proxies), encoding="utf-8")
    for host in hosts:
        host.console("rm /etc/os-release; cat >/etc/os-release", SUPPORTED)
    machines = {host.name: Machine(host.address, host.host_key) for host in hosts}
    inventory, found = load(made.file, look_at_files=False)
    assert inventory is not None, found
    place = lab_folder(inventory.name, {"XDG_STATE_HOME": str(folder / "state")})
    place.mkdir(parents=True)
    with Lab.open(inventory, place, Outside(machines, OUTSIDE, made.push.script)) as lab:
        made.lab = lab
        password = lab.resolver.resolve(SecretRef.parse("secret://env/LINUX_PASSWORD")).reveal()
        key = Path(lab.resolver.key_file(SecretRef.parse("secret://file/id_ed25519")))
        for host in hosts:
            host.account(password, f"{ssh_public(key.read_bytes())} {ADMIN}\n")
        answer = lab.endpoints()
        for host in hosts:
            host.know({SERVER: answer["url"].split("//")[1].split(":")[0], MAIL: answer["smtp"]["host"]})
            host.console(
                "cat >>/etc/ssl/certs/ca-certificates.crt", Path(answer["ca_file"]).read_text(encoding="ascii")
            )
        yield made
