"""A whole lab: opened for the demo inventory, used with the reconciler's own clients, closed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.vbo import Reader, Writer, connect
from reconciler.inventory import load
from reconciler.lab import lab as lab_module
from reconciler.lab import loops
from reconciler.lab.errors import LabError
from reconciler.lab.hosts import ssh
from reconciler.lab.hosts.ntlm import nt_hash
from reconciler.lab.lab import Lab, reset
from reconciler.lab.network import Network
from reconciler.model.connection import Access, ConnectionContext
from reconciler.model.errors import AuthenticationFailed, Unreachable
from reconciler.model.inventory import Inventory
from reconciler.model.secret import SecretRef
from reconciler.package_data import shipped_script

DEMO = Path(__file__).parents[2] / "inventories" / "demo.yml"
CANARY = "Canary:9c1f and more"


@pytest.fixture(scope="module")
def demo() -> Inventory:
    inventory, diagnostics = load(DEMO)
    assert inventory is not None, diagnostics
    return inventory


@pytest.fixture
def lab(demo: Inventory, tmp_path: Path) -> Iterator[Lab]:
    with Lab.open(demo, tmp_path / "lab") as opened:
        yield opened


def facts(lab: Lab, access: Access, proxy: str) -> dict[str, Any]:
    connection = lab.redirect(access).connections[proxy]
    system = "linux/facts.sh" if connection.transport == "ssh" else "windows/facts.ps1"
    with open_host(connection, ConnectionContext(lab.resolver, access.root)) as session:
        found: dict[str, Any] = session.execute(
            shipped_script(system), {"port": 9193, "server": access.server.host}, deadline=10
        )
        return found


def sockets() -> int:
    return sum(1 for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink() and "socket:" in _target(fd))


def _target(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:
        return ""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sockets are counted in /proc")
def test_nothing_is_left_behind(demo: Inventory, tmp_path: Path) -> None:
    gc.collect()
    threads, open_sockets = set(threading.enumerate()), sockets()
    with Lab.open(demo, tmp_path / "lab") as lab:
        assert facts(lab, demo.access, "px-lon-1")
        assert facts(lab, demo.access, "px-lnx-1")
    gc.collect()
    left = [thread for thread in set(threading.enumerate()) - threads if thread.name.startswith("lab")]
    assert (left, sockets()) == ([], open_sockets)


def test_hosts_that_start_at_once_share_one_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begun, both, known = [], threading.Barrier(2), loops.new_loop

    def slow() -> asyncio.AbstractEventLoop:
        begun.append(known())
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)  # for the other one, which must not come
        return begun[-1]

    monkeypatch.setattr(ssh, "new_loop", slow)
    service = ssh.SshService()
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    host = ssh.SshHost("px", key, tmp_path, NoAccounts(), lambda: None)
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(service.open, host, socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        for end in ends:
            end.result()()
    service.close()
    assert len(begun) == 1


def test_what_connects_just_before_the_end_is_closed_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    left: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: left.append(str(found.exc_value)))
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    for _ in range(5):
        service, listener = ssh.SshService(), socket.create_server(("127.0.0.1", 0))
        end = service.open(ssh.SshHost("px", key, tmp_path, NoAccounts(), lambda: None), listener)
        socket.create_connection(listener.getsockname()).close()
        end()
        service.close()
    gc.collect()
    assert left == []


class NoAccounts:
    def accepts(self, user: str, password: str) -> bool:
        del user, password
        return False

    def keys(self, user: str) -> Sequence[str]:
        del user
        return ()


@pytest.mark.parametrize("proxy", ["px-lon-1", "px-lon-2", "px-dmz-1", "px-dmz-2", "px-lnx-1", "px-lnx-2"])
def test_every_host_of_the_inventory_can_be_reached(demo: Inventory, lab: Lab, proxy: str) -> None:
    found = facts(lab, demo.access, proxy)
    assert found["server"]["reverse"] == [demo.access.server.host]
    closed = {"px-lon-1": "open", "px-lon-2": "open"}.get(proxy, "closed")
    assert found["firewall"]["port"] == f"9193 {closed}"


def test_kerberos_and_plain_http_are_rehearsed_with_ntlm(tmp_path: Path) -> None:
    file = tmp_path / "corp.yml"
    file.write_text(
        """\
version: 1
name: corp
server:
  host: vbo.example.com
  credentials: admin
  powershell: {credentials: tickets, listener: http}
credentials:
  admin: {username: svc, password: secret://env/P}
  tickets: {username: svc@EXAMPLE.COM, auth: kerberos, keytab: svc.keytab}
proxies:
  px-1: {host: a.example.com, type: domain, credentials: admin, connection: {listener: http, credentials: tickets}}
"""
    )
    inventory, diagnostics = load(file)
    assert inventory is not None, diagnostics
    with Lab.open(inventory, tmp_path / "lab") as lab:
        assert facts(lab, inventory.access, "px-1")["host"]["name"] == "A"
        access = lab.redirect(inventory.access)
        assert access.server.powershell is not None
        with open_host(access.server.powershell, ConnectionContext(lab.resolver, access.root)) as host:
            assert host.execute(shipped_script("server/version.ps1"), {}, deadline=10)


def test_the_server_and_its_powershell(demo: Inventory, lab: Lab) -> None:
    access = lab.redirect(demo.access)
    with connect(access.server, ConnectionContext(lab.resolver, access.root)) as session:
        reader = Reader(session)
        assert [item["type"] for item in reader.list("Proxies")] == ["Local"]
        assert len(reader.list("Organizations")) == 3
    assert access.server.powershell is not None
    with open_host(access.server.powershell, ConnectionContext(lab.resolver, access.root)) as host:
        answer = host.execute(shipped_script("server/version.ps1"), {}, deadline=10)
        settings = host.execute(shipped_script("server/security-settings.ps1"), {}, deadline=10)
    assert answer["proxies"] == [{"host": demo.access.server.host, "outdated": False, "version": "8.5.0.1014"}]
    assert "Veeam Software" in settings["subject"]


def add(lab: Lab, access: Access, proxy: str) -> dict[str, Any]:
    redirected = lab.redirect(access)
    credential = redirected.connections[proxy].credential
    assert credential is not None
    assert credential.password is not None
    body = {
        "hostName": redirected.connections[proxy].host,
        "operatingSystem": "Windows",
        "useDomainNetwork": True,
        "username": credential.username,
        "password": lab.resolver.resolve(credential.password).reveal(),
        "port": 9193,
    }
    with connect(redirected.server, ConnectionContext(lab.resolver, redirected.root)) as session:
        return dict(Writer(session).create("Proxies", body))


def test_a_proxy_stays_online_from_one_command_to_the_next(demo: Inventory, tmp_path: Path) -> None:
    for turn in range(2):
        with Lab.open(demo, tmp_path / "lab") as lab:
            if turn == 0:
                assert add(lab, demo.access, "px-lon-1")["status"] == "Online"
            access = lab.redirect(demo.access)
            with connect(access.server, ConnectionContext(lab.resolver, access.root)) as session:
                found = {item["hostName"]: item for item in Reader(session).list("Proxies")}
            assert found["px-lon-1.corp.example.com"]["status"] == "Online"
            shown = lab.status()["hosts"]["px-lon-1.corp.example.com"]["proxy"]
            assert (shown["owner"], shown["reachable"]) == (demo.access.server.host, True)


def test_hosts_stay_when_they_are_no_longer_declared(demo: Inventory, tmp_path: Path) -> None:
    with Lab.open(demo, tmp_path / "lab") as lab:
        before = lab.status()["hosts"]
    assert {"px-lon-1.corp.example.com", "px-lnx-1.example.net"} <= before.keys()
    nothing = replace(demo, access=replace(demo.access, connections={}), resources={})
    with Lab.open(nothing, tmp_path / "lab") as lab:
        assert lab.status()["hosts"] == before


def with_password(demo: Inventory, name: str) -> Inventory:
    """The inventory with another reference to the password of the proxies: another password, in the lab."""
    login = replace(demo.access.credentials["corp-admin"], password=SecretRef("env", name))
    connections = {
        proxy: replace(found, credential=login) if found.credential and found.credential.name == login.name else found
        for proxy, found in demo.access.connections.items()
    }
    credentials = {**demo.access.credentials, login.name: login}
    return replace(demo, access=replace(demo.access, credentials=credentials, connections=connections))


def test_a_password_that_is_rotated_is_rotated_in_the_lab_too(demo: Inventory, tmp_path: Path) -> None:
    first, second, third = (with_password(demo, name) for name in ("FIRST", "SECOND", "THIRD"))
    for inventory in (first, second):
        with Lab.open(inventory, tmp_path / "lab") as lab:
            assert facts(lab, inventory.access, "px-lon-1")
    with Lab.open(second, tmp_path / "lab") as lab:
        lab.set("px-lon-1", "wrong-password", "yes")
    with Lab.open(third, tmp_path / "lab") as lab:
        with pytest.raises(AuthenticationFailed):
            facts(lab, third.access, "px-lon-1")
        assert facts(lab, third.access, "px-lon-2")


def test_no_secret_of_the_user_is_read(demo: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is set, stored or runnable here: nothing below the folder of the lab has it, not even hashed."""
    for name in ("VBO_PASSWORD", "VBO_WINRM_PASSWORD", "CORP_PASSWORD", "DMZ_PASSWORD", "SMTP_PASSWORD", "DMZ_PFX"):
        monkeypatch.setenv(name, CANARY)
    with Lab.open(demo, tmp_path / "lab") as lab:
        add(lab, demo.access, "px-lon-1")
        shown = json.dumps([lab.endpoints(), lab.status(), lab.mails()])
        assert lab.resolver.resolve(SecretRef("env", "VBO_PASSWORD")).reveal() == lab.endpoints()["password"]
    hashed = nt_hash(CANARY).hex()
    assert "Canary" not in shown
    assert lab.endpoints()["password"].startswith("Lab-1")
    for file in (tmp_path / "lab").rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file
            assert hashed.encode() not in file.read_bytes(), file
            assert file.stat().st_mode & 0o077 == 0 or "/hosts/px-" in str(file), file
    assert (tmp_path / "lab").stat().st_mode & 0o077 == 0


def test_a_lab_that_may_hold_real_passwords_is_not_used(demo: Inventory, tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "server.key").write_bytes(b"x")
    with pytest.raises(LabError, match="lab reset"):
        Lab.open(demo, tmp_path / "lab")
    reset(tmp_path / "lab")
    Lab.open(demo, tmp_path / "lab").close()


def test_endpoints_are_enough_for_other_clients(demo: Inventory, lab: Lab) -> None:
    ends = lab.endpoints()
    assert set(ends) == {"url", "token_url", "ca_file", "username", "password", "smtp", "hosts"}
    assert ends["username"] == demo.access.server.credential.username
    assert ends["password"].startswith("Lab-1")
    assert set(ends["smtp"]) == {"name", "host", "port", "security"}
    hosts = {host["proxy"]: host for host in ends["hosts"]}
    assert set(hosts) == {"px-lon-1", "px-lon-2", "px-dmz-1", "px-dmz-2", "px-lnx-1", "px-lnx-2"}
    for host in hosts.values():
        socket.create_connection((host["address"], host["port"]), 5).close()
    assert {host["transport"] for host in hosts.values()} == {"ssh", "winrm"}
    files = [
        Path(hosts["px-lnx-1"]["key_file"]),
        Path(hosts["px-dmz-1"]["cert_file"]),
        Path(hosts["px-dmz-1"]["key_file"]),
    ]
    assert all(file.is_file() for file in files)
    assert hosts["px-lnx-1"]["host_key"].startswith("ssh-ed25519 ")


def test_the_way_into_the_lab_keeps_names_and_logins(demo: Inventory, lab: Lab) -> None:
    kerberos = replace(demo.access.credentials["corp-admin"], auth="kerberos")
    asked = replace(
        demo.access,
        connections={"px-lon-1": replace(demo.access.connections["px-lon-1"], credential=kerberos)},
        credentials={**demo.access.credentials, "corp-admin": kerberos},
    )
    found = lab.redirect(asked)
    connection = found.connections["px-lon-1"]
    assert (connection.host, connection.address[:4]) == ("px-lon-1.corp.example.com", "127.")
    assert (found.credentials["corp-admin"].auth, connection.credential) == ("ntlm", replace(kerberos, auth="ntlm"))
    assert connection.trust.ca_file == found.server.trust.ca_file == lab.endpoints()["ca_file"]
    assert found.server.certificate is not None
    assert Path(found.server.certificate.pfx).is_absolute()
    elsewhere = replace(connection, host="elsewhere.example.com")
    with pytest.raises(LabError, match="no host elsewhere"):
        lab.redirect(replace(asked, connections={"x": elsewhere}))


def test_a_second_command_works_in_the_lab_that_runs(demo: Inventory, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    more = replace(
        demo,
        resources={
            **demo.resources,
            **{item.address: item for item in [demo.of_kind("proxy")[0]._replace(name="px-new", fields=NEW)]},
        },
        access=replace(
            demo.access,
            connections={
                **demo.access.connections,
                "px-new": replace(demo.access.connections["px-lon-1"], name="px-new", host="px-new.example.com"),
            },
        ),
    )
    with Lab.open(demo, folder) as first:
        with pytest.raises(LabError, match="is running"):
            reset(folder)
        with Lab.open(more, folder) as second:
            assert second.endpoints()["url"] == first.endpoints()["url"]
            assert facts(second, more.access, "px-new")["domain"]["member"] is True
            assert second.set("px-lon-1", "power", "off") == "px-lon-1: power is off"
            with pytest.raises(LabError, match="knows no host"):
                second.set("px-nowhere", "power", "off")
            assert second.mails() == first.mails() == []
            assert "px-new.example.com" in first.status()["hosts"]
        with pytest.raises(Unreachable):
            facts(first, demo.access, "px-lon-1")
    with Lab.open(demo, folder) as again:
        assert again.status()["hosts"]["px-lon-1.corp.example.com"]["power"] == "off"
    reset(folder)
    assert not folder.exists()
    reset(folder)


NEW = {"host": "px-new.example.com", "type": "domain", "os": "windows", "port": 9193, "credentials": "corp-admin"}


def test_a_lab_whose_process_was_killed_is_taken_over(demo: Inventory, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "control.json").write_text(json.dumps({"address": "127.0.0.1", "port": 1, "token": "x"}))
    with Lab.open(demo, folder) as lab:
        assert lab.status()["server"]["build"] == "8.5.0.1014"


@pytest.mark.matrix
def test_commands_that_begin_at_the_same_moment_share_one_lab(tmp_path: Path) -> None:
    """A command that comes while another one begins or ends waits for it, and runs the lab itself if it has to."""
    command = [str(Path(sys.executable).with_name("vbo-reconcile")), "lab", "status", str(DEMO)]
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    for _ in range(2):
        begun = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)
        ]
        ended = [(process.communicate(), process.returncode) for process in begun]
        assert [code for _, code in ended] == [0, 0, 0], ended


@pytest.mark.parametrize("value", [os.fsdecode(b"caf\xe9"), '"\\ud800"'])
def test_a_value_that_no_state_can_hold_is_refused(lab: Lab, value: str) -> None:
    with pytest.raises(LabError, match="not text in UTF-8"):
        lab.set("server", "offline_version", value)
    assert lab.set("px-lon-1", "clock", "0") == "px-lon-1: clock is 0"


def test_a_stranger_has_no_control(demo: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_module, "_PATIENCE", 0.2)
    folder = tmp_path / "lab"
    with Lab.open(demo, folder):
        place = json.loads((folder / "control.json").read_text())
        right = dict(place)
        (folder / "control.json").write_text(json.dumps(place | {"token": "guessed"}))
        with pytest.raises(LabError, match="does not answer"):
            Lab.open(demo, folder)
        (folder / "control.json").write_text(json.dumps(right))


SWITCHES = [
    ("px-lon-1.corp.example.com", "power", "hung"),
    ("px-dmz-1", "remote-registry", "running"),
    ("contoso-mail", "trouble", "warning"),
    ("contoso-mail", "trouble", "none"),
    ("smtp", "refuse", "a@example.com"),
    ("smtp", "accept", "a@example.com"),
    ("server", "token_seconds", "5"),
    ("server", "faults", '[{"kind": "latency", "seconds": 0}]'),
    ("server", "build", "8.6.0.1"),
    ("server", "clock", "60"),
]


def test_switches(lab: Lab) -> None:
    for target, key, value in SWITCHES:
        assert lab.set(target, key, value) == f"{target}: {key} is {value}"
    status = lab.status()
    assert status["server"] == {
        "host": "vbo01.corp.example.com",
        "build": "8.6.0.1",
        "served": [5, 6, 7, 8],
        "options": {"token_seconds": 5},
        "faults": [{"kind": "latency", "seconds": 0}],
        "trouble": {},
        "rest_certificate": "valid",
    }
    assert status["hosts"]["px-lon-1.corp.example.com"]["power"] == "hung"


def test_a_switch_does_not_interrupt_the_proxy_service(
    demo: Inventory, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(lab, demo.access, "px-lon-1")
    host, listen, seen = "px-lon-1.corp.example.com", Network.listen, list[bool]()

    def noted(network: Network, name: str, port: int) -> socket.socket:
        seen.append(lab.status()["hosts"][host]["proxy"]["reachable"])
        return listen(network, name, port)

    monkeypatch.setattr(Network, "listen", noted)
    lab.set("px-lon-1", "wrong-password", "yes")
    lab.set("px-lon-1", "power", "on")
    assert len(seen) == 4  # two ports of WinRM, twice
    assert all(seen)
    lab.set("px-lon-1", "power", "off")
    assert not lab.status()["hosts"][host]["proxy"]["reachable"]


@pytest.mark.parametrize(
    ("target", "key", "value"),
    [
        ("contoso-mail", "trouble", "some"),
        ("nobody", "power", "off"),
        ("px-lon-1", "power", "sideways"),
        ("smtp", "dance", "x"),
        ("server", "faults", "no list"),
        ("server", "dance", "x"),
    ],
)
def test_switches_that_do_not_exist(lab: Lab, target: str, key: str, value: str) -> None:
    with pytest.raises(LabError):
        lab.set(target, key, value)


def test_the_test_mail_comes_from_the_server(demo: Inventory, lab: Lab) -> None:
    access = lab.redirect(demo.access)
    credential = access.credentials["smtp-user"]
    assert credential.password is not None
    body = {
        "enableNotification": True,
        "authenticationType": "CustomSmtp",
        "smtpServer": "smtp.corp.example.com",
        "port": 587,
        "useSSL": True,
        "useAuthentication": True,
        "username": credential.username,
        "userPassword": lab.resolver.resolve(credential.password).reveal(),
        "from": "vbo@corp.example.com",
        "to": "a@example.com;b@example.com",
        "subject": "x",
    }
    with connect(access.server, ConnectionContext(lab.resolver, access.root)) as session:
        writer = Writer(session)
        writer.replace("VboEmailSettings", body)
        writer.act("VboEmailSettings", "SendTestEmail")
    (mail,) = lab.mails()
    assert (mail["proxy"], mail["to"], mail["tls"], mail["login"]) == (
        "vbo01.corp.example.com",
        ["a@example.com", "b@example.com"],
        True,
        credential.username,
    )


def test_a_host_that_changes_its_system_is_another_one(demo: Inventory, tmp_path: Path) -> None:
    proxy = demo.of_kind("proxy")[0]
    changed = proxy._replace(fields={**proxy.fields, "os": "linux", "type": "workgroup"})
    with Lab.open(demo, tmp_path / "lab"):
        pass
    with pytest.raises(LabError, match="lab reset"):
        Lab.open(replace(demo, resources={**demo.resources, proxy.address: changed}), tmp_path / "lab")
    with Lab.open(demo, tmp_path / "lab") as lab:
        assert lab.status()["hosts"], "the failed one has let go of the folder"


def test_only_what_is_needed_is_imported() -> None:
    """A lab without Linux hosts and without mail starts without their servers."""
    import subprocess
    import sys

    code = "import sys, reconciler.lab.lab; print({'asyncssh', 'aiosmtpd', 'paramiko', 'winrm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "set()"
