"""The WinRM server, through real clients: pywinrm, and pypsrp as a second opinion."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pypsrp.exceptions import AuthenticationError
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol

from reconciler.lab.hosts.ntlm import HARDENING
from reconciler.lab.hosts.wsman import Limits
from tests.lab.hosts.winrm_world import World, winrm_host

Open = Callable[..., Protocol]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with winrm_host(tmp_path_factory.mktemp("winrm")) as made:
        yield made


def protocol(world: World, user: str = "admin", password: str = "Secret:1!", **options: Any) -> Protocol:
    given = {"transport": "ntlm", "username": user, "password": password, "ca_trust_path": world.ca, "proxy": None}
    return Protocol(world.url, **{**given, **options})


def run(client: Protocol, script: str, stdin: bytes = b"") -> tuple[bytes, bytes, int]:
    shell = client.open_shell(codepage=65001)
    try:
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        command = client.run_command(shell, "powershell.exe", ["-EncodedCommand", encoded])
        if stdin:
            for start in range(0, len(stdin), 65536):
                last = start + 65536 >= len(stdin)
                client.send_command_input(shell, command, stdin[start : start + 65536], end=last)
        out, err, code = client.get_command_output(shell, command)
        client.cleanup_command(shell, command)
        return out, err, code
    finally:
        client.close_shell(shell)


LOGINS = [("admin", "Secret:1!", "admin"), ("CORP\\alice", "Pässword1", "CORP\\alice")]


@pytest.mark.parametrize(("user", "password", "principal"), LOGINS)
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
def test_ntlm(tmp_path: Path, user: str, password: str, principal: str, tls: bool) -> None:
    with winrm_host(tmp_path, tls=tls) as world:
        assert run(protocol(world, user, password), "hello") == (f"{principal} ran hello".encode(), b"", 0)
        assert world.endpoint.engine.shells == {}


def test_basic_over_tls(world: World) -> None:
    assert run(protocol(world, transport="basic"), "hello")[0] == b"admin ran hello"


def test_basic_is_not_offered_without_tls(tmp_path: Path) -> None:
    with winrm_host(tmp_path, tls=False) as world, pytest.raises(InvalidCredentialsError):
        run(protocol(world, transport="basic"), "hello")


@pytest.mark.parametrize(
    ("user", "password"),
    [("admin", "wrong"), ("stranger", "Secret:1!"), ("OTHER\\alice", "Pässword1"), ("bob", "Weak1")],
)
def test_refused_logins(world: World, user: str, password: str) -> None:
    with pytest.raises(InvalidCredentialsError):
        run(protocol(world, user, password), "hello")


def test_a_login_must_be_bound_to_its_tls_connection(tmp_path: Path) -> None:
    with winrm_host(tmp_path, bound_to=b"another certificate") as world, pytest.raises(InvalidCredentialsError):
        run(protocol(world), "hello")


def test_an_untrusted_authority_is_refused_by_the_client(world: World, tmp_path: Path) -> None:
    with winrm_host(tmp_path) as other, pytest.raises(requests.exceptions.SSLError):
        run(protocol(world, ca_trust_path=other.ca), "hello")


def test_client_certificate(world: World, tmp_path: Path) -> None:
    cert, key = tmp_path / "logon.crt", tmp_path / "logon.key"
    cert.write_bytes(world.client.cert_pem)
    key.write_bytes(world.client.key_pem)
    client = protocol(world, transport="certificate", cert_pem=str(cert), cert_key_pem=str(key))
    assert run(client, "hello")[0] == b"PX-1\\svc ran hello"


def test_a_certificate_of_another_authority_is_no_login(world: World, tmp_path: Path) -> None:
    with winrm_host(tmp_path) as other:
        cert, key = tmp_path / "logon.crt", tmp_path / "logon.key"
        cert.write_bytes(other.client.cert_pem)
        key.write_bytes(other.client.key_pem)
        client = protocol(world, transport="certificate", cert_pem=str(cert), cert_key_pem=str(key))
        with pytest.raises((requests.exceptions.ConnectionError, WinRMTransportError)):
            run(client, "hello")


def test_big_output_comes_in_several_envelopes(world: World) -> None:
    before = world.endpoint.engine.counts["Receive"]
    assert len(run(protocol(world), "big 1000000")[0]) == 1_000_000
    assert world.endpoint.engine.counts["Receive"] - before > 5


def test_standard_input_in_pieces(world: World) -> None:
    assert run(protocol(world), "count", b"y" * 300_000)[0] == b"300000"


def test_errors_and_exit_codes(world: World) -> None:
    assert run(protocol(world), "fail") == (b"", b'{"message":"no"}', 70)


def test_a_broken_program_does_not_hang_its_client(world: World, caplog: pytest.LogCaptureFixture) -> None:
    out, err, code = run(protocol(world), "break")
    assert (out, code) == (b"", 255)
    assert b"a bug in a program" in err


def test_an_operation_times_out_and_the_command_can_be_ended(world: World) -> None:
    client = protocol(world, operation_timeout_sec=1, read_timeout_sec=5)
    shell = client.open_shell()
    encoded = base64.b64encode("sleep 60".encode("utf-16-le")).decode()
    command = client.run_command(shell, "powershell.exe", ["-EncodedCommand", encoded])
    with pytest.raises(WinRMOperationTimeoutError):
        client.get_command_output_raw(shell, command)
    client.cleanup_command(shell, command)
    client.close_shell(shell)
    assert world.endpoint.engine.shells == {}


def test_a_shell_belongs_to_its_user(world: World) -> None:
    owner, stranger = protocol(world), protocol(world, "CORP\\alice", "Pässword1")
    shell = owner.open_shell()
    with pytest.raises(WSManFaultError, match="shell was not found"):
        stranger.run_command(shell, "powershell.exe", [])
    stranger.transport.close_session()
    owner.close_shell(shell)


def test_the_quota_of_shells(tmp_path: Path) -> None:
    with winrm_host(tmp_path, limits=Limits(shells=1)) as world:
        client = protocol(world)
        shell = client.open_shell()
        with pytest.raises(WSManFaultError, match="maximum number of 1 concurrent shells"):
            client.open_shell()
        client.close_shell(shell)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("drop", requests.exceptions.ConnectionError),
        ("lose", requests.exceptions.ConnectionError),
        ("expire", InvalidCredentialsError),
        ("busy", WinRMTransportError),
    ],
)
def test_troubles(world: World, trouble: str, error: type[Exception]) -> None:
    client = protocol(world, transport="basic")
    shell = client.open_shell()
    world.endpoint.troubles["Command"] = [trouble]
    with pytest.raises(error):
        client.run_command(shell, "powershell.exe", [])
    client.close_shell(shell)


def test_what_is_no_request_gets_a_fault(world: World) -> None:
    bodies = {b"<a": "not well-formed", b"<!DOCTYPE a><a/>": "document type", b"<a/>": "not a SOAP envelope"}
    for body, words in bodies.items():
        answer = requests.post(world.url, body, auth=("admin", "Secret:1!"), verify=world.ca, timeout=5)
        assert (answer.status_code, words in answer.text) == (500, True)
    assert requests.get(world.url, verify=world.ca, timeout=5).status_code == 404


@pytest.mark.parametrize("auth", ["negotiate", "ntlm"])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
def test_pypsrp_agrees(tmp_path: Path, tls: bool, auth: str) -> None:
    with winrm_host(tmp_path, tls=tls) as world:
        assert by_pypsrp(world, tls=tls, auth=auth) == (b"admin ran hello", 0)


def by_pypsrp(world: World, *, tls: bool = True, **options: Any) -> tuple[bytes, int | None]:
    """What pypsrp gets, with its defaults (NTLM inside SPNEGO) where `options` do not say otherwise."""
    address, port = world.url.split("/")[2].split(":")
    given: dict[str, Any] = {"username": "admin", "password": "Secret:1!", "cert_validation": world.ca if tls else True}
    with WSMan(address, port=int(port), ssl=tls, **given | options) as client, WinRS(client) as shell:
        encoded = base64.b64encode("hello".encode("utf-16-le")).decode()
        process = Process(shell, "powershell.exe", ["-EncodedCommand", encoded])
        process.invoke()
        process.signal(SignalCode.TERMINATE)
        return process.stdout, process.rc


@pytest.mark.parametrize("password", ["wrong", ""])
def test_refused_logins_inside_spnego(world: World, password: str) -> None:
    with pytest.raises(AuthenticationError):
        by_pypsrp(world, password=password)


@pytest.mark.parametrize("binds", [True, False], ids=["bound", "unbound"])
@pytest.mark.parametrize("hardening", HARDENING)
def test_how_far_a_login_must_be_bound_to_its_connection(tmp_path: Path, hardening: str, binds: bool) -> None:
    """CbtHardeningLevel of Windows."""
    with winrm_host(tmp_path, hardening=hardening) as world:
        if hardening == "strict" and not binds:
            with pytest.raises(AuthenticationError):
                by_pypsrp(world, negotiate_send_cbt=binds)
        else:
            assert by_pypsrp(world, negotiate_send_cbt=binds) == (b"admin ran hello", 0)


def test_a_login_that_is_bound_to_another_connection_where_bindings_are_not_compared(tmp_path: Path) -> None:
    with winrm_host(tmp_path, bound_to=b"another certificate", hardening="none") as world:
        assert run(protocol(world), "hello")[0] == b"admin ran hello"
