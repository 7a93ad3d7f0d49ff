"""A rehearsal of an inventory whose SSH logins the lab cannot have: agents, certificates and jump hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.clients.host_session import open_host
from reconciler.lab.lab import Lab
from reconciler.model.connection import ConnectionContext
from reconciler.model.script import Script
from tests.inventory.writing import load_text

HEAD = """\
version: 1
name: corp
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: svc, password: secret://env/P}
  agent: {username: backup, agent: true}
  signed: {username: backup, private_key: secret://env/KEY, certificate_file: id-cert.pub}
jump_hosts: {bastion: {host: bastion.example.net, credentials: agent}}
"""
BODY = """\
proxies:
  linux:
    host: l.example.com
    os: linux
    type: workgroup
    credentials: admin
    connection: {credentials: LOGIN, jump: bastion}
"""


@pytest.mark.parametrize("login", ["agent", "signed"])
def test_the_lab_lets_them_in_without_any_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    inventory = load_text(tmp_path, BODY.replace("LOGIN", login), HEAD)
    with Lab.open(inventory, tmp_path / "lab") as lab:
        connection = lab.redirect(inventory.access).connections["linux"]
        assert connection.jump is None
        with open_host(connection, ConnectionContext(lab.resolver, str(tmp_path))) as host:
            assert host.execute(Script("linux/who.sh", 'printf \'"%s"\' "$LAB_USER"'), {}, deadline=20) == "backup"
