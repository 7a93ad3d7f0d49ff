"""How the server and the hosts are reached, as an inventory says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.address import Address
from reconciler.model.connection import (
    Certificate,
    Connection,
    Credential,
    Deadlines,
    Transport,
    Trust,
    Vault,
    VaultLogin,
)
from reconciler.model.inventory import Drain, Policy, Window
from reconciler.model.secret import SecretRef
from tests.inventory.writing import HEAD, load_text

PIN = "sha256:" + "AB:" * 31 + "AB"
HEAD_OF_ALL = f"""\
version: 1
name: corp
server:
  host: vbo.example.com
  port: 4444
  address: 192.0.2.1
  rest: v8
  credentials: admin
  tls: {{fingerprint: "{PIN}"}}
  powershell: {{credentials: shell, ca_file: ca.pem, port: 15986}}
  certificate: tls
credentials:
  admin: {{username: svc, password: secret://env/P}}
  shell: {{username: winrm, password: secret://env/W, auth: kerberos}}
  key: {{username: root, private_key: secret://file/id, passphrase: secret://env/K, sudo: true}}
certificates:
  tls: {{pfx: tls.pfx, passphrase: secret://env/T}}
  logon: {{cert: logon.pem, key: secret://file/logon.key}}
"""
BODY = """\
proxies:
  domain: {host: d.example.com, type: domain, credentials: admin}
  dmz: {host: w.example.com, type: workgroup, credentials: admin, certificate: logon}
  own: {host: o.example.com, type: workgroup, credentials: admin, certificate: logon, connection: {credentials: shell}}
  away: {host: x.example.com, type: domain, credentials: admin, connection: {enabled: false}}
  linux:
    host: l.example.com
    os: linux
    type: workgroup
    credentials: key
    certificate: logon
    connection: {address: 192.0.2.9, port: 2222, host_keys: [ssh-ed25519 AAAA], known_hosts: [a, b]}
"""
ADMIN = Credential("admin", "svc", SecretRef("env", "P"))
SHELL = Credential("shell", "winrm", SecretRef("env", "W"), auth="kerberos")
KEY = Credential("key", "root", private_key=SecretRef("file", "id"), passphrase=SecretRef("env", "K"), sudo=True)
LOGON = Certificate("logon", cert="logon.pem", key=SecretRef("file", "logon.key"))
TLS = Certificate("tls", pfx="tls.pfx", passphrase=SecretRef("env", "T"))


def test_server(tmp_path: Path) -> None:
    inventory = load_text(tmp_path, BODY, HEAD_OF_ALL)
    server = inventory.access.server
    assert (server.host, server.port, server.address, server.rest) == ("vbo.example.com", 4444, "192.0.2.1", "v8")
    assert server.credential == ADMIN
    assert server.trust == Trust(fingerprint="sha256:" + "ab" * 32)
    assert server.certificate == TLS
    assert server.powershell == Connection(
        "vbo.example.com",
        "vbo.example.com",
        Transport.WINRM,
        SHELL,
        address="192.0.2.1",
        port=15986,
        trust=Trust(ca_file="ca.pem"),
    )
    assert inventory.access.root == str(tmp_path)
    assert inventory.access.credentials == {"admin": ADMIN, "key": KEY, "shell": SHELL}
    assert inventory.access.certificates == {"logon": LOGON, "tls": TLS}


def test_rest_on_another_machine(tmp_path: Path) -> None:
    """Its address is not that of the server, which PowerShell goes to."""
    head = HEAD_OF_ALL.replace("  port: 4444\n", "  port: 4444\n  rest_host: rest.example.com\n")
    server = load_text(tmp_path, BODY, head).access.server
    assert (server.host, server.rest_name) == ("vbo.example.com", "rest.example.com")
    assert server.target == ("192.0.2.1", 4444)
    assert server.powershell is not None
    assert (server.powershell.host, server.powershell.target) == ("vbo.example.com", ("vbo.example.com", 15986))
    head = head.replace("  address: 192.0.2.1\n", "").replace("port: 15986", "port: 15986, address: 192.0.2.2")
    server = load_text(tmp_path, BODY, head).access.server
    assert server.target == ("rest.example.com", 4444)
    assert server.powershell is not None
    assert server.powershell.target == ("192.0.2.2", 15986)


def test_connections(tmp_path: Path) -> None:
    connections = load_text(tmp_path, BODY, HEAD_OF_ALL).access.connections
    trust = Trust(host_keys=("ssh-ed25519 AAAA",), known_hosts=("a", "b"))
    assert dict(connections) == {
        "domain": Connection("domain", "d.example.com", Transport.WINRM, ADMIN),
        "dmz": Connection("dmz", "w.example.com", Transport.WINRM, ADMIN, LOGON),
        "own": Connection("own", "o.example.com", Transport.WINRM, SHELL),
        "linux": Connection("linux", "l.example.com", Transport.SSH, KEY, None, "192.0.2.9", 2222, trust),
    }


def test_the_name_that_a_host_proves_is_not_where_packets_go(tmp_path: Path) -> None:
    head = HEAD_OF_ALL.replace("port: 15986", "port: 15986, name: vbo01.corp.example.com")
    body = BODY.replace(
        "host: d.example.com, type: domain, credentials: admin",
        "host: 192.0.2.21, type: domain, credentials: admin, connection: {name: d.example.com}",
    ).replace("address: 192.0.2.9", "name: own.example.com, address: 192.0.2.9")
    access = load_text(tmp_path, body, head).access
    windows, linux, shell = access.connections["domain"], access.connections["linux"], access.server.powershell
    assert shell is not None
    assert (windows.identity, windows.target) == ("d.example.com", ("192.0.2.21", 5986))
    assert (linux.identity, linux.host, linux.target) == ("own.example.com", "l.example.com", ("192.0.2.9", 2222))
    assert (shell.identity, shell.target) == ("vbo01.corp.example.com", ("192.0.2.1", 15986))
    assert access.connections["own"].identity == "o.example.com"


def test_ways_of_winrm(tmp_path: Path) -> None:
    head = HEAD_OF_ALL.replace("credentials: shell, ca_file: ca.pem, port: 15986", "credentials: shell, listener: http")
    head = head.replace(
        "certificates:\n", "  tab: {username: s@R.COM, auth: kerberos, keytab: s.keytab}\ncertificates:\n", 1
    )
    body = (
        "proxies:\n  px: {host: d.example.com, type: domain, credentials: admin, connection: "
        "{listener: http, credentials: tab}}\n"
    )
    access = load_text(tmp_path, body, head).access
    tab = Credential("tab", "s@R.COM", auth="kerberos", keytab="s.keytab")
    found = access.connections["px"]
    assert found == Connection("px", "d.example.com", Transport.WINRM, tab, listener="http")
    assert found.target == ("d.example.com", 5985)
    assert access.server.powershell is not None
    assert access.server.powershell.target == ("192.0.2.1", 5985)


def test_the_server_certificate_is_a_resource(tmp_path: Path) -> None:
    resource = load_text(tmp_path, BODY, HEAD_OF_ALL).resources[Address("certificate")]
    assert (resource.kind, resource.name, dict(resource.fields)) == ("certificate", "", {"certificate": "tls"})
    assert str(resource.position) == "inventory.yml:11:3"
    assert str(resource.positions["certificate"]) == "inventory.yml:11:3"


def test_policy(tmp_path: Path) -> None:
    body = """\
policy:
  max_deletes: 0
  max_changes: 50%
  coverage: 2
  protect: [proxy.px-1, "repository.*"]
  windows: [{allow: Sat 20:00, for: 8h, zone: Europe/London}, {allow: "7:30", for: 90m}]
  drain: {deadline: 2h, then: proceed}
"""
    windows = (Window("Sat 20:00", 8.0, "Europe/London"), Window("7:30", 1.5, "UTC"))
    policy = load_text(tmp_path, body).policy
    assert policy == Policy(0, "50%", ("proxy.px-1", "repository.*"), windows, 2, Drain(7200, "proceed"))
    assert load_text(tmp_path, "", HEAD).policy == Policy()


def test_su_takes_the_password_of_root(tmp_path: Path) -> None:
    said = "private_key: secret://file/id, passphrase: secret://env/K, su: true, root_password: secret://env/R}"
    head = HEAD_OF_ALL.replace("private_key: secret://file/id, passphrase: secret://env/K, sudo: true}", said)
    found = load_text(tmp_path, BODY, head).access.credentials["key"]
    assert (found.su, found.sudo, found.root_password) == (True, False, SecretRef("env", "R"))
    assert found.elevates
    assert [*found.secrets] == ["private_key", "passphrase", "root_password"]


def test_jump_hosts_and_what_ssh_logs_in_with(tmp_path: Path) -> None:
    head = HEAD_OF_ALL.replace(
        "certificates:\n",
        "  signed: {username: backup, private_key: secret://file/id, certificate_file: id-cert.pub}\n"
        "  agent: {username: backup, agent: true}\n"
        "jump_hosts:\n"
        "  inner: {host: i.example.net, port: 2222, credentials: signed, jump: outer}\n"
        "  outer: {host: o.example.net, credentials: agent, known_hosts: [known], deadlines: {connect: 30}}\n"
        "certificates:\n",
        1,
    )
    body = (
        "proxies:\n  linux: {host: l.example.com, os: linux, type: workgroup, credentials: key, connection: "
        "{jump: inner, deadlines: {call: 5, long: 7200}}}\n"
    )
    signed = Credential("signed", "backup", private_key=SecretRef("file", "id"), certificate_file="id-cert.pub")
    outer = Connection(
        "outer",
        "o.example.net",
        Transport.SSH,
        Credential("agent", "backup", agent=True),
        trust=Trust(known_hosts=("known",)),
        deadlines=Deadlines(connect=30),
    )
    inner = Connection("inner", "i.example.net", Transport.SSH, signed, port=2222, jump=outer)
    found = load_text(tmp_path, body, head).access.connections["linux"]
    assert found.jump == inner
    assert found.deadlines == Deadlines(connect=10, call=5, long=7200)


@pytest.mark.parametrize(
    ("said", "login"),
    [
        ("", None),
        ("{token: secret://env/T}", VaultLogin("token", secret=SecretRef("env", "T"))),
        (
            "{approle: {role_id: vbo, secret_id: secret://env/S}}",
            VaultLogin("approle", mount="approle", role="vbo", secret=SecretRef("env", "S")),
        ),
        (
            "{approle: {mount: ci, role_id: secret://env/R, secret_id: secret://env/S}}",
            VaultLogin("approle", mount="ci", role=SecretRef("env", "R"), secret=SecretRef("env", "S")),
        ),
        (
            "{jwt: {role: vbo, token: secret://env/J}}",
            VaultLogin("jwt", mount="jwt", role="vbo", secret=SecretRef("env", "J")),
        ),
        (
            "{github: {mount: gh, role: vbo, audience: vault}}",
            VaultLogin("github", mount="gh", role="vbo", audience="vault"),
        ),
    ],
)
def test_the_login_at_vault(tmp_path: Path, said: str, login: VaultLogin | None) -> None:
    settings = 'address: "https://vault.example.com:8200", namespace: team, tls: {ca_file: ca.pem}'
    login_text = f", login: {said}" if said else ""
    access = load_text(tmp_path, f"secrets: {{vault: {{{settings}{login_text}}}}}\n").access
    assert access.vault == Vault("https://vault.example.com:8200", "team", Trust(ca_file="ca.pem"), login)
