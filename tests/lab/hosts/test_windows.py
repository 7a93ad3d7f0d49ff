"""Windows hosts through the reconciler's own client: what they answer, and what they refuse."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import RunspacePool
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan

from reconciler.clients.host_session import open_host
from reconciler.clients.winrm.client import open_client
from reconciler.clients.winrm.powershell import encoded_bootstrap
from reconciler.lab.hosts.accounts import AccountName, WindowsAccounts
from reconciler.lab.hosts.host import Switch
from reconciler.model.connection import Certificate, ConnectionContext, Credential
from reconciler.model.errors import AuthenticationFailed, ScriptFailed, Unreachable, UntrustedPeer
from reconciler.model.script import Script
from reconciler.model.secret import SecretRef
from reconciler.package_data import shipped_script
from tests.lab.hosts.hosts_world import PASSWORDS, SERVER, Given, World, hosts_world

RunLine = Callable[[str, list[str]], tuple[bytes, bytes, int | None]]
FACTS = {"port": 9193, "server": SERVER}
ADMINISTRATOR = Credential("c", "Administrator", password=SecretRef("lab", "p"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with hosts_world(tmp_path) as made:
        yield made


def run(world: World, script: Script, args: Mapping[str, Any], credential: Credential = ADMINISTRATOR) -> Any:
    given = Given(p=PASSWORDS["dmz"])
    with open_host(world.connection(world.dmz, credential), ConnectionContext(given, "/")) as session:
        return session.execute(script, args, deadline=10)


def test_facts_before_and_after_a_change(world: World) -> None:
    found = run(world, shipped_script("windows/facts.ps1"), FACTS)
    assert (found["clock"], found["host"]) == (
        {"utc": "2026-11-23T08:50:00Z"},
        {"name": "PX-DMZ-1", "fqdn": "px-dmz-1"},
    )
    assert (found["firewall"], found["remote_registry"]["state"]) == ({"port": "9193 closed"}, "stopped")
    assert (found["server"]["reverse"], len(found["server"]["addresses"])) == ([SERVER], 1)
    run(world, shipped_script("windows/open-port.ps1"), {"port": 9193})
    run(world, shipped_script("windows/remote-registry.ps1"), {})
    found = run(world, shipped_script("windows/facts.ps1"), FACTS)
    assert (found["firewall"], found["remote_registry"]["state"]) == ({"port": "9193 open"}, "running")


def test_an_unknown_script_is_refused(world: World) -> None:
    with pytest.raises(ScriptFailed, match="do not know this script") as failed:
        run(world, Script("windows/mine.ps1", "Remove-Item C:\\"), {})
    assert failed.value.exit_code == 70


def test_arguments_that_a_script_cannot_work_with(world: World) -> None:
    with pytest.raises(ScriptFailed, match="cannot work with its arguments"):
        run(world, shipped_script("windows/open-port.ps1"), {"port": "many"})


def test_the_product_s_module_is_on_the_management_server_alone(world: World) -> None:
    with pytest.raises(ScriptFailed, match="was not loaded"):
        run(world, shipped_script("server/version.ps1"), {})
    world.dmz.management = lambda name, args: {"version": name}
    assert run(world, shipped_script("server/version.ps1"), {}) == {"version": "server/version.ps1"}

    def fails(name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ValueError("The certificate has expired.")

    world.dmz.management = fails
    with pytest.raises(ScriptFailed, match="has expired"):
        run(world, shipped_script("server/version.ps1"), {})


@pytest.mark.parametrize("stdin", [b"no base64", base64.b64encode(b"[]")])
def test_a_blob_that_is_none(world: World, stdin: bytes) -> None:
    client = open_client(world.connection(world.dmz, ADMINISTRATOR), ConnectionContext(Given(p=PASSWORDS["dmz"]), "/"))
    shell = client.open_shell()
    ident = client.run_command(shell, f"powershell.exe -EncodedCommand {encoded_bootstrap()}", console_mode_stdin=False)
    client.send_command_input(shell, ident, stdin, end=True)
    out, err, code = client.get_command_output(shell, ident)
    client.cleanup_command(shell, ident)
    client.close_shell(shell)
    assert (out, code) == (b"", 70)
    assert b'"message"' in err


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


LINES: list[tuple[str, list[str], bytes, int]] = [
    ("hostname", [], b"PX-DMZ-1\r\n", 0),
    ("HOSTNAME.EXE", [], b"PX-DMZ-1\r\n", 0),
    ("whoami", [], b"px-dmz-1\\administrator\r\n", 0),
    ("echo", ["hello", "wörld"], "hello wörld\r\n".encode(), 0),
    ("cmd", ["/c", "echo", "hello"], b"hello\r\n", 0),
    ("cmd.exe", ["/c", '"echo hello"'], b"hello\r\n", 0),
    ("exit", ["7"], b"", 7),
    ("exit", ["/b", "3"], b"", 3),
    ("powershell", ["-NoProfile", "-Command", "hostname"], b"PX-DMZ-1\r\n", 0),
    ("PowerShell", ["-EncodedCommand", encoded("whoami")], b"px-dmz-1\\administrator\r\n", 0),
    ("powershell.exe", ["-NonInteractive", "-EncodedCommand", encoded("cmd /c echo hello")], b"hello\r\n", 0),
    ("powershell.exe", ["-EncodedCommand", encoded("Write-Output 'hello there'")], b"hello there\r\n", 0),
    ("powershell.exe", ["-EncodedCommand", encoded("exit 3")], b"", 3),
]


@pytest.mark.parametrize("sealed", [False, True], ids=["https", "http"])
def test_a_client_of_others_runs_commands(world: World, sealed: bool) -> None:
    with stranger(world, sealed=sealed) as run_line:
        for line, arguments, expected, code in LINES:
            assert run_line(line, arguments) == (expected, b"", code)
        ver, _, _ = run_line("ver", [])
        assert b"the lab of vbo-reconcile" in ver
        assert b"10.0.20348" in ver


@pytest.mark.parametrize(
    "line",
    [
        "cmd.exe /c dir",
        "del /q C:\\",
        "&",
    ],
)
def test_what_the_lab_does_not_know_it_refuses(world: World, line: str) -> None:
    with stranger(world) as run_line:
        out, err, code = run_line(line, [])
    assert (out, code) == (b"", 1)
    assert b"is not known here: this is the lab" in err
    assert b"hostname" in err


@pytest.mark.parametrize(
    "line",
    [
        "powershell.exe -Command Get-Process",
        "powershell.exe -EncodedCommand eA==",
        f"powershell.exe -EncodedCommand {encoded('hostname; exit 3')}",
        f"powershell.exe -EncodedCommand {encoded('echo $env:USERNAME')}",
        "powershell.exe -EncodedCommand -",
    ],
)
def test_scripts_of_others_are_refused(world: World, line: str) -> None:
    with stranger(world) as run_line:
        out, err, code = run_line(line, [])
    assert (out, code) == (b"", 1)
    assert b"an emulation without PowerShell" in err


def test_powershell_remoting_is_refused_with_a_true_sentence(world: World) -> None:
    with connected(world, sealed=False) as client, pytest.raises(WSManFaultError, match="no PowerShell remoting"):
        RunspacePool(client).open()


@pytest.mark.parametrize("level", ["strict", "none", "relaxed"])
def test_how_far_logins_are_bound_is_a_switch(world: World, level: str) -> None:
    world.dmz.change("cbt-hardening", level)
    assert world.dmz.endpoint is not None
    assert world.dmz.endpoint.hardening == level
    assert world.dmz.faults == ({} if level == "relaxed" else {"cbt-hardening": level})


@contextmanager
def stranger(world: World, *, sealed: bool = False) -> Iterator[RunLine]:
    """pypsrp, which shares no code for WS-Management with ours."""
    with connected(world, sealed=sealed) as client, WinRS(client) as shell:

        def run_line(line: str, arguments: list[str]) -> tuple[bytes, bytes, int | None]:
            process = Process(shell, line, arguments)
            process.invoke()
            process.signal(SignalCode.TERMINATE)
            return process.stdout, process.stderr, process.rc

        yield run_line


def connected(world: World, *, sealed: bool) -> WSMan:
    """With its defaults, which are NTLM inside SPNEGO here."""
    address, port = world.network.resolve(world.dmz.name, 5985 if sealed else 5986)
    options: dict[str, Any] = {"username": "Administrator", "password": PASSWORDS["dmz"]}
    options |= {} if sealed else {"cert_validation": str(world.authority.ca_file)}
    return WSMan(address, port=port, ssl=not sealed, **options)


def test_a_client_certificate(world: World, tmp_path: Path) -> None:
    identity = world.authority.self_signed("of the user, and self-signed")
    world.dmz.trust_client(identity.cert_pem.decode(), "logon")
    file = tmp_path / "logon.crt"
    file.write_bytes(identity.cert_pem)
    certificate = Certificate("logon", cert=str(file), key=SecretRef("lab", "k"))
    connection = world.connection(world.dmz, ADMINISTRATOR)
    by_certificate = type(connection)(
        **{name: getattr(connection, name) for name in ("name", "host", "transport", "address", "port", "trust")},
        certificate=certificate,
    )
    given = Given(k=identity.key_pem.decode())
    with open_host(by_certificate, ConnectionContext(given, "/")) as session:
        assert session.execute(shipped_script("windows/remote-registry.ps1"), {}, deadline=5)["state"] == "running"
    world.dmz.change("wrong-password", "yes")
    with pytest.raises(AuthenticationFailed), open_host(by_certificate, ConnectionContext(given, "/")):
        pytest.fail("the account is locked")


SWITCHES: list[tuple[str, str, type[Exception]]] = [
    ("power", "off", Unreachable),
    ("wrong-password", "yes", AuthenticationFailed),
    ("certificate", "expired", UntrustedPeer),
    ("certificate", "other-name", UntrustedPeer),
]


@pytest.mark.parametrize(("key", "value", "error"), SWITCHES)
def test_switches_that_a_client_meets(world: World, key: str, value: str, error: type[Exception]) -> None:
    world.dmz.change(key, value)
    with pytest.raises(error):
        run(world, shipped_script("windows/facts.ps1"), FACTS)
    world.dmz.change(key, {"power": "on", "wrong-password": "no", "certificate": "valid"}[key])
    assert run(world, shipped_script("windows/facts.ps1"), FACTS)


def test_switches_that_the_facts_show(world: World) -> None:
    for key, value in {
        "dotnet": "missing",
        "admin-share": "off",
        "free-gb": "1",
        "clock": "600",
        "reboot": "pending",
        "domain": "other.example.com",
        "firewall": "off",
        "owner": "else.example.com",
        "version": "8.1.0.305",
        "service": "stopped",
    }.items():
        world.dmz.change(key, value)
    found = run(world, shipped_script("windows/facts.ps1"), FACTS)
    assert found["dotnet"] == {"framework": 0, "runtime": [], "aspnet": []}
    assert (found["admin_share"], found["disk"]["free_gb"], found["reboot"]["pending"]) == (False, 1, True)
    assert (found["clock"]["utc"], found["domain"]["name"]) == ("2026-11-23T09:00:00Z", "other.example.com")
    assert found["service"] == {
        "installed": True,
        "version": "8.1.0.305",
        "state": "stopped",
        "start": "automatic",
        "listening": False,
    }


@pytest.mark.parametrize(("key", "value"), [("power", "maybe"), ("clock", "late"), ("dance", "on"), ("version", "1")])
def test_switches_that_do_not_exist(world: World, key: str, value: str) -> None:
    with pytest.raises(Switch):
        world.dmz.change(key, value)


NAMES = [
    ("CORP\\svc", "CORP", "svc"),
    ("corp.example.com\\Svc", "CORP", "svc"),
    ("svc@CORP.EXAMPLE.COM", "CORP", "svc"),
    ("Administrator", "", "administrator"),
    (".\\Administrator", "", "administrator"),
    ("PX-1\\Administrator", "", "administrator"),
]


@pytest.mark.parametrize(("text", "domain", "user"), NAMES)
def test_names_of_accounts(text: str, domain: str, user: str) -> None:
    assert AccountName.parse(text, "px-1.example.net") == AccountName(domain, user)


def test_an_account_that_is_adopted_again_gets_the_new_password() -> None:
    kept: list[dict[str, Any]] = []
    accounts = WindowsAccounts("px-1", kept)
    accounts.adopt("CORP\\svc", "one")
    first = accounts.nt_hash("CORP", "svc")
    accounts.adopt("svc@corp.example.com", "two")
    assert len(kept) == 1
    assert first != accounts.nt_hash("", "svc@CORP") is not None
    assert accounts.nt_hash("", "svc") is None
