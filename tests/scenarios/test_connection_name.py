"""A host that is declared by its address, and proves its name."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

NAME = "px-lon-1.corp.example.com"
INVENTORY = f"""\
version: 1
name: corp
server:
  host: vbo01
  credentials: admin
  tls: {{ca_file: pki/ca.pem}}
  powershell: {{credentials: admin, ca_file: pki/ca.pem, name: vbo01.corp.example.com}}
credentials:
  admin: {{username: 'CORP\\svc-vbo', password: secret://env/VBO_PASSWORD}}
  linux: {{username: backup, private_key: secret://file/id, sudo: true}}
proxies:
  px-1:
    host: 172.17.53.53
    type: domain
    credentials: admin
    throttle: 10 Mbps
    connection: {{name: {NAME}, address: 192.0.2.1, port: 15986, ca_file: pki/ca.pem}}
  px-2: {{host: 172.17.53.54, os: linux, credentials: linux, connection: {{name: px-lnx-1.corp.example.com}}}}
"""


@pytest.fixture
def applied(demo: Rehearsal) -> Rehearsal:
    demo.file.write_text(INVENTORY)
    demo.run("lab", "reset", str(demo.file))
    demo.converges()
    return demo


def test_it_is_verified_by_its_name(applied: Rehearsal) -> None:
    ended = applied.run("doctor", "--lab", str(applied.file), "--format", "json")
    rows = {(item["subject"], item["check"]): item for item in json.loads(ended.out)["checks"]}
    assert ended.code == 0, ended.out
    for subject in ("host.px-1", "server.powershell"):
        assert {rows[subject, check]["level"] for check in ("certificate", "identity", "login")} == {"ok"}
    applied.replace("throttle: 10 Mbps", "throttle: 20 Mbps")
    applied.converges()


def test_a_certificate_for_another_name_is_refused(applied: Rehearsal) -> None:
    applied.set("px-1", "certificate=other-name")
    ended = applied.run("plan", "--lab", str(applied.file))
    assert ended.code == 1
    assert "`connection.name`" in ended.out + ended.err
