"""Running scripts over WinRM: logins, trust, deadlines, and what is left behind on the host (nothing)."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives import hashes

from reconciler.clients.host_session import HostSession, open_host
from reconciler.clients.sockets import BoundedSocket
from reconciler.clients.winrm import authentication, powershell
from reconciler.clients.winrm import session as winrm
from reconciler.lab.hosts.wsman import Command, Endpoint
from reconciler.lab.hosts.wsman.engine import Caller
from reconciler.lab.hosts.wsman.envelope import Fault, parse
from reconciler.lab.hosts.wsman.envelope import refusal as refusal_of
from reconciler.lab.pki import Authority, Identity
from reconciler.model.connection import (
    Certificate,
    Connection,
    Credential,
    Deadlines,
    Transport,
    Trust,
)
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    ScriptFailed,
    SecretError,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)
from reconciler.model.script import Script
from reconciler.model.secret import MASK, Secret, SecretRef
from tests.clients.hosts.secrets import context
from tests.clients.hosts.winrmd import NAME, Breaking, Winrmd, running

WRONG = Credential("admin", "svc", password=SecretRef("test", "wr0ng-horse"))
ANY = Script("windows/any.ps1", "any text")
CLIXML = (
    '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    '<S S="Warning">careful_x000D__x000A_</S><S S="Error">At line:1_x000D__x000A_</S>'
    '<S S="Error">broken &lt;here&gt;_x000D__x000A_</S></Objs>'
)


def says(stdout: bytes = b"1", stderr: bytes = b"", code: int = 0) -> Callable[[Command], int]:
    def program(command: Command) -> int:
        command.write("stdout", stdout)
        command.write("stderr", stderr)
        return code

    return program


def session(connection: Connection) -> HostSession:
    return open_host(connection, context())


def run(host: Winrmd, /, params: dict[str, Any] | None = None, deadline: float = 20, **changes: Any) -> Any:
    with session(host.connection(**changes)) as opened:
        return opened.execute(ANY, params or {}, deadline=deadline)


def refusal(host: Winrmd, /, **changes: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        run(host, **changes)
    assert caught.value.nothing_sent
    return caught.value


def test_script_and_arguments_travel_on_standard_input_alone(tmp_path: Path) -> None:
    with running(tmp_path, says('{"said": "ä✓"}\r\n'.encode())) as host:
        with session(host.connection()) as opened:
            for secret in ("first-secret", "second-secret"):
                answer = opened.execute(ANY, {"word": Secret(secret), "n": [1, {"ü": None}]}, deadline=20)
                assert answer == {"said": "ä✓"}
        assert host.engine.shells == {}
        assert host.engine.counts["Create"] == host.engine.counts["Delete"] == 1
        assert host.engine.counts["Signal"] == 2
        assert set(host.lines) == {" ".join([powershell.PROGRAM, *powershell.arguments()])}
        assert [order["args"]["word"] for order in host.orders] == ["first-secret", "second-secret"]
        assert host.orders[0] == {
            "script": "any text",
            "args": {"word": "first-secret", "n": [1, {"ü": None}]},
            "core": False,
        }


def test_the_command_line_is_the_shipped_bootstrap_and_fits() -> None:
    line = " ".join([powershell.PROGRAM, *powershell.arguments()])
    assert len(line) < 8191
    text = base64.b64decode(powershell.encoded_bootstrap()).decode("utf-16-le")
    assert "FromBase64String" in text
    assert not any(part.startswith("#") for part in text.splitlines())


def test_large_input_goes_in_pieces_and_large_output_comes_in_pieces(tmp_path: Path) -> None:
    with running(tmp_path, says(b'"' + b"x" * 400_000 + b'"')) as host:
        assert len(run(host, {"data": "y" * 300_000})) == 400_000
        assert host.engine.counts["Send"] == 5
        assert host.engine.counts["Receive"] > 3
        assert host.orders[0]["args"]["data"] == "y" * 300_000


def test_scripts_for_the_server_ask_for_powershell_7(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host, session(host.connection()) as opened:
        opened.execute(Script("server/any.ps1", "x"), {}, deadline=20)
        assert host.orders[0]["core"] is True
        assert host.orders[0]["pwsh"] == powershell.encoded_bootstrap()


@pytest.mark.parametrize(
    ("stderr", "code", "reason"),
    [
        (b'noise\r\n{"type":"T","message":"No such service.","at":"line 1"}\r\n', 70, "No such service."),
        (CLIXML.encode(), 1, "At line:1 broken <here>"),
        (b"plain words\r\n", 3, "plain words"),
        (b"", 4, "it ended with exit code 4"),
    ],
)
def test_a_script_that_fails_is_quoted(tmp_path: Path, stderr: bytes, code: int, reason: str) -> None:
    with running(tmp_path, says(b"half an answer", stderr, code)) as host:
        with pytest.raises(ScriptFailed) as caught:
            run(host)
        assert caught.value.reason == reason
        assert caught.value.exit_code == code
        assert host.engine.shells == {}


def test_warnings_beside_a_good_answer_are_no_failure(tmp_path: Path) -> None:
    with running(tmp_path, says(b"[1]", CLIXML.encode())) as host:
        assert run(host) == [1]


@pytest.mark.parametrize("stdout", [b"", b"nope", b"{}{}", b"\xff\xfe"])
def test_only_one_json_document_is_an_answer(tmp_path: Path, stdout: bytes) -> None:
    with running(tmp_path, says(stdout)) as host, pytest.raises(BadAnswer):
        run(host)


def test_secrets_are_masked_in_what_comes_back(tmp_path: Path) -> None:
    secret = 'p"ss<w0rd>-é'
    for program in (
        says(b"", secret.encode(), 1),
        says(b"", CLIXML.replace("broken", "p&quot;ss&lt;w0rd&gt;-é").encode(), 1),
    ):
        with running(tmp_path, program) as host, pytest.raises(ScriptFailed) as caught:
            run(host, {"key": Secret(secret)})
        assert MASK in str(caught.value)
        assert secret not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_deadline_ends_the_call_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def sleeps(command: Command) -> int:
        if command.sleep(30):
            return 1
        return 0

    with running(tmp_path, sleeps) as host, session(host.connection()) as opened:
        with pytest.raises(DeadlineExceeded) as caught:
            opened.execute(ANY, {}, deadline=1.2)
        assert "1.2 s" in caught.value.reason
        assert host.engine.counts["Signal"] == 1


def test_long_work_is_asked_for_again_until_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winrm, "OPERATION_SECONDS", 1)

    def works(command: Command) -> int:
        command.sleep(1.3)
        command.write("stdout", b"2")
        return 0

    with running(tmp_path, works) as host:
        assert run(host) == 2
        assert host.endpoint.statuses[500] == 1


def test_too_much_output_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winrm, "OUTPUT_LIMIT", 100_000)
    with running(tmp_path, says(b"x" * 300_000)) as host:
        with pytest.raises(BadAnswer, match="it printed more than"):
            run(host)
        assert host.engine.shells == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_output_in_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    with running(tmp_path, says('{"a": "ä"}'.encode(encoding))) as host:
        with pytest.raises(BadAnswer, match=r"it printed UTF-(16|32).* instead of UTF-8"):
            run(host)
        assert host.engine.shells == {}


ANSWERS = ["challenge", "Create", "Command", "Send", "Receive", "Signal", "Delete"]
"""What the host says in one session, in this order."""


def lengths(tmp_path: Path) -> list[int]:
    """Bytes of each of ANSWERS."""

    class Measuring(Breaking):
        found: ClassVar[list[int]] = []

        def send(self, connection: socket.socket, data: bytes) -> None:
            self.found.append(len(data))
            super().send(connection, data)

    with running(tmp_path, says(), kind=Measuring) as host:
        assert run(host) == 1
    assert len(Measuring.found) == len(ANSWERS)
    return Measuring.found


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.6, 0.99], ids=["before", "in the head", "in the body", "at the end"])
def test_every_answer_may_break_off(tmp_path: Path, how: str, part: float) -> None:
    sizes = lengths(tmp_path / "whole")
    with running(tmp_path / "broken", says(), kind=Breaking) as host:
        endpoint = host.endpoint
        assert isinstance(endpoint, Breaking)
        endpoint.how = how
        for number, answer in enumerate(ANSWERS):
            host.orders.clear()
            endpoint.sent, endpoint.after = 0, sum(sizes[:number]) + int(part * sizes[number])
            if answer in ("Signal", "Delete"):
                assert run(host) == 1  # the answer is there already
            else:
                with pytest.raises((ConnectionLost, Unreachable)) as caught:
                    run(host)
                assert caught.value.nothing_sent == (answer in ANSWERS[:3])
                assert host.orders == [] or not caught.value.nothing_sent
            assert host.engine.shells == {}, answer


def test_a_host_is_given_the_time_of_the_deadlines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow host needs more than ten seconds to make a shell: OperationTimeout is what the inventory allows, up to
    the limit of Windows."""
    given: dict[str, list[int]] = {}
    with running(tmp_path, says()) as host:
        handle = host.engine.handle

        def noting(raw: bytes, caller: Caller) -> tuple[int, bytes]:
            message = parse(raw)
            given.setdefault(message.verb, []).append(int(message.timeout))
            return handle(raw, caller)

        monkeypatch.setattr(host.engine, "handle", noting)
        run(host, deadline=45, deadlines=Deadlines(connect=30))
        run(host, deadline=1800, deadlines=Deadlines(connect=3))
    assert (given["Create"], given["Command"], given["Send"]) == ([30, 3], [45, 60], [45, 60])
    assert given["Receive"] == [10, 10]


def test_a_host_that_is_too_slow_for_the_time_given_is_told_apart(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        for verb in ("Create", "Command"):
            host.endpoint.troubles[verb] = ["late"]
            error = refusal(host)
            assert type(error) is Unreachable
            assert "OperationTimeout" in error.reason
            assert "`connection.deadlines`" in error.hint
        assert host.engine.shells == {}


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [(rb'(Name="ShellId">)[^<]+', rb"\1"), (rb"<rsp:ShellId>[^<]*</rsp:ShellId>", b""), (rb"ShellId", b"Shell")],
)
def test_an_answer_without_a_shell_id_leaves_the_one_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: bytes, replacement: bytes
) -> None:
    with running(tmp_path, says()) as host:
        handle = host.engine.handle

        def nameless(raw: bytes, caller: Caller) -> tuple[int, bytes]:
            status, answer = handle(raw, caller)
            return status, re.sub(pattern, replacement, answer) if parse(raw).verb == "Create" else answer

        monkeypatch.setattr(host.engine, "handle", nameless)
        assert run(host) == 1
        assert host.engine.shells == {}


def test_a_host_that_wants_to_name_its_shells_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, says()) as host:
        handle = host.engine.handle

        def stubborn(raw: bytes, caller: Caller) -> tuple[int, bytes]:
            message = parse(raw)
            if message.verb == "Create" and b' ShellId="' in raw:
                fault = Fault(87, "w:SchemaValidationError", "The request has an attribute that is not known. ")
                return 500, refusal_of(fault, message.ident, "PX-1", "1")
            return handle(raw, caller)

        monkeypatch.setattr(host.engine, "handle", stubborn)
        assert run(host) == 1
        assert host.engine.shells == {}


def test_a_silent_host_is_given_up_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = lengths(tmp_path / "whole")
    monkeypatch.setattr(winrm, "_CLOSE_SECONDS", 0.5)
    with running(tmp_path / "broken", says(), kind=Breaking) as host:
        endpoint = host.endpoint
        assert isinstance(endpoint, Breaking)
        endpoint.how = "silent"
        for number, answer in enumerate(ANSWERS[:5]):
            endpoint.sent, endpoint.after = 0, sum(sizes[:number]) + 20
            deadlines = Deadlines(connect=0.7)
            with pytest.raises(Unreachable if number < 2 else DeadlineExceeded):
                run(host, deadline=0.7, deadlines=deadlines)
            assert host.engine.shells == {}, answer


def test_an_answer_without_end_is_not_read_to_the_end(tmp_path: Path) -> None:
    sizes = lengths(tmp_path / "whole")
    with running(tmp_path / "broken", says(), kind=Breaking) as host:
        endpoint = host.endpoint
        assert isinstance(endpoint, Breaking)
        endpoint.how, endpoint.after = "flood", sum(sizes[:4])
        with pytest.raises((BadAnswer, ConnectionLost)):
            run(host)
        assert host.engine.shells == {}


def test_a_long_answer_in_chunks_is_refused(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6400000\r\n"

    class Chunked(Endpoint):
        def send(self, connection: socket.socket, data: bytes) -> None:
            if self.engine.counts["Receive"]:
                connection.sendall(head)
                for _ in range(1600):
                    connection.sendall(b"x" * 65536)
            connection.sendall(data)

    with running(tmp_path, says(), kind=Chunked) as host, pytest.raises(BadAnswer, match="longer than 4 MB"):
        run(host)


@pytest.mark.parametrize("verb", ["Command", "Send", "Receive"])
@pytest.mark.parametrize("trouble", ["drop", "lose"])
def test_a_connection_that_breaks(tmp_path: Path, verb: str, trouble: str) -> None:
    with running(tmp_path, says()) as host:
        host.endpoint.troubles[verb] = [trouble]
        with pytest.raises((ConnectionLost, Unreachable)) as caught:
            run(host)
        assert caught.value.nothing_sent == (verb == "Command")
        assert host.engine.shells == {}


@pytest.mark.parametrize("trouble", ["drop", "lose"])
def test_a_shell_whose_name_never_arrives_is_closed_all_the_same(tmp_path: Path, trouble: str) -> None:
    with running(tmp_path, says()) as host:
        host.endpoint.troubles["Create"] = [trouble]
        assert isinstance(refusal(host), Unreachable)
        assert host.engine.shells == {}
        assert host.engine.counts["Delete"] == 1


def test_nothing_is_closed_where_nothing_was_opened(tmp_path: Path) -> None:
    """A login that is refused is not tried again: accounts are locked after a few of them."""
    with running(tmp_path, says()) as host:
        assert isinstance(refusal(host, credential=WRONG), AuthenticationFailed)
        assert host.endpoint.connections == 1
        assert host.endpoint.statuses == {401: 2}


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
def test_any_number_of_scripts_take_one_connection_and_one_login(tmp_path: Path, tls: bool) -> None:
    with running(tmp_path, says(), tls=tls) as host:
        with session(host.connection()) as opened:
            assert [opened.execute(ANY, {"n": number}, deadline=20) for number in range(3)] == [1, 1, 1]
        assert host.endpoint.connections == 1
        assert host.endpoint.statuses[401] == 1
        assert host.engine.shells == {}


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
def test_a_connection_that_the_host_closed_meanwhile_is_made_again(tmp_path: Path, tls: bool) -> None:
    with running(tmp_path, says(), tls=tls) as host, session(host.connection()) as opened:
        assert opened.execute(ANY, {}, deadline=20) == 1
        host.hang_up()
        assert opened.execute(ANY, {}, deadline=20) == 1
        assert host.endpoint.connections == 2


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
@pytest.mark.parametrize("verb", ["Command", "Send", "Receive", "Signal", "Delete"])
def test_a_host_that_forgets_the_login_is_told_again(tmp_path: Path, verb: str, tls: bool) -> None:
    with running(tmp_path, says(), tls=tls) as host:
        host.endpoint.troubles[verb] = ["expire"]
        assert run(host) == 1
        assert host.engine.shells == {}
        assert host.engine.counts["Command"] == 1


def test_over_plain_http_nothing_can_be_read_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = bytearray()
    receive = BoundedSocket.sendall

    def listen(self: BoundedSocket, data: bytes, *more: int) -> None:
        heard.extend(data)
        receive(self, data, *more)

    monkeypatch.setattr(BoundedSocket, "sendall", listen)
    with running(tmp_path, says(b'"answer"'), tls=False) as host:
        assert run(host, {"key": Secret("hush-hush")}) == "answer"
        assert host.orders[0]["args"] == {"key": "hush-hush"}
    assert b"POST /wsman" in heard
    assert b"multipart/encrypted" in heard
    assert b"Envelope" not in heard
    assert b"hush" not in heard


def test_an_answer_that_is_not_sealed_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, says(), tls=False) as host:
        monkeypatch.setattr("reconciler.lab.hosts.wsman.sealing.sealed", lambda seal, plain: plain)
        monkeypatch.setattr("reconciler.lab.hosts.wsman.sealing.CONTENT_TYPE", "application/soap+xml")
        with pytest.raises(BadAnswer, match="not encrypted"):
            run(host)


def test_a_client_certificate_needs_https(tmp_path: Path) -> None:
    with running(tmp_path / "pki", says(), tls=False) as host:
        _, certificate = mapped(host, tmp_path)
        error = refusal(host, credential=None, certificate=certificate)
    assert isinstance(error, AuthenticationFailed)
    assert "HTTPS" in error.reason


def test_a_password_that_is_missing_is_said_so(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        error = refusal(host, credential=Credential("admin", "svc"))
        assert "NTLM needs a password" in error.reason
        assert host.endpoint.connections == 0


def test_a_busy_host_can_be_asked_again(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        host.endpoint.troubles["Create"] = ["busy"]
        with pytest.raises(Unavailable):
            run(host)
        assert run(host) == 1


def test_the_quota_of_shells(tmp_path: Path) -> None:
    with running(tmp_path, says(), shells=1) as host, session(host.connection()), pytest.raises(Unavailable):
        run(host)


def test_a_wrong_password(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        error = refusal(host, credential=WRONG)
    assert isinstance(error, AuthenticationFailed)
    assert "wr0ng-horse" not in f"{error!r} {error.__cause__!r} {error.hint}"


def page(status: int, *offers: str) -> bytes:
    headers = "".join(f"WWW-Authenticate: {offer}\r\n" for offer in offers)
    return f"HTTP/1.1 {status} no\r\nContent-Type: text/html\r\n{headers}Content-Length: 6\r\n\r\n<html>".encode()


def answered(folder: Path, answer: bytes, *, tls: bool = True) -> RemoteError:
    """The error for something that gives every connection this answer."""
    authority = Authority(folder)
    server_side = authority.context(authority.host(NAME))

    def serve() -> None:
        line, _ = listener.accept()
        with contextlib.suppress(OSError):
            line = server_side.wrap_socket(line, server_side=True) if tls else line
            line.recv(65536)
            line.sendall(answer)
            line.recv(1)
        line.close()

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(60)
        served = pool.submit(serve)
        connection = Connection(
            "px-1",
            NAME,
            Transport.WINRM,
            Credential("admin", "svc", password=SecretRef("test", "Secret1!")),
            address="127.0.0.1",
            port=listener.getsockname()[1],
            trust=Trust(ca_file=str(authority.ca_file)),
            deadlines=Deadlines(connect=10, call=20),
            listener="https",
        )
        with pytest.raises(RemoteError) as caught, open_host(connection, context()) as host:
            host.execute(Script("windows/x.ps1", "1"), {}, deadline=10)
        served.result()
        return caught.value


@pytest.mark.parametrize(
    ("offers", "words"),
    [
        (['Basic realm="WSMAN"'], "it offers Basic"),
        (["Kerberos", 'Basic realm="WSMAN"'], "it offers Kerberos, Basic"),
        (["Negotiate"], "it offers Negotiate"),
        ([], "it offers no login"),
    ],
)
def test_a_host_that_does_not_take_ntlm_says_nothing_of_the_password(
    tmp_path: Path, offers: list[str], words: str
) -> None:
    error = answered(tmp_path, page(401, *offers))
    assert isinstance(error, AuthenticationFailed)
    assert error.reason == f"the host does not answer NTLM: {words}"
    assert "auth: kerberos" in error.hint


@pytest.mark.parametrize(("status", "kind"), [(404, BadAnswer), (302, BadAnswer), (405, BadAnswer), (503, Unavailable)])
def test_what_another_service_on_the_port_answers_is_said(tmp_path: Path, status: int, kind: type[RemoteError]) -> None:
    error = answered(tmp_path, page(status))
    assert (type(error), error.reason) == (kind, f"it answered with HTTP status {status}")


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", page(400)])
def test_a_port_without_tls_is_said_in_plain_words(tmp_path: Path, answer: bytes) -> None:
    error = answered(tmp_path, answer, tls=False)
    assert error.reason == "the TLS handshake failed: wrong version number"


def test_an_account_that_is_no_administrator(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        host.accounts.ordinary.add("svc")
        error = refusal(host)
    assert isinstance(error, AuthenticationFailed)
    assert "administrators" in error.hint


def test_nothing_to_log_in_with(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        assert isinstance(refusal(host, credential=None), AuthenticationFailed)


def mapped(host: Winrmd, tmp_path: Path) -> tuple[Identity, Certificate]:
    """A client certificate that the host maps to svc."""
    client = host.authority.client("svc", "svc@localhost")
    host.accounts.certificates[client.der] = "svc"
    (tmp_path / "logon.pem").write_bytes(client.cert_pem)
    return client, Certificate("logon", cert="logon.pem", key=SecretRef("test", client.key_pem.decode()))


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_logs_in_and_its_key_is_never_a_clear_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: ssl.TLSVersion
) -> None:
    seen: list[bytes] = []
    load = ssl.SSLContext.load_cert_chain

    def look(self: ssl.SSLContext, *args: Any) -> None:
        seen.extend(Path(file).read_bytes() for file in args[:2])
        assert Path(args[1]).stat().st_mode & 0o777 == 0o600
        assert Path(args[1]).parent.stat().st_mode & 0o777 == 0o700
        load(self, *args)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with running(tmp_path / "pki", says(), wants_certificate=True) as host:
        client, certificate = mapped(host, tmp_path)
        before = sorted(tmp_path.iterdir())
        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
        monkeypatch.setattr(ssl.SSLContext, "maximum_version", newest, raising=False)
        connection = host.connection(credential=None, certificate=certificate)
        with open_host(connection, context(tmp_path)) as opened:
            assert opened.execute(ANY, {}, deadline=20) == 1
        assert sorted(tmp_path.iterdir()) == before
    assert b"ENCRYPTED PRIVATE KEY" in seen[1]
    assert client.key_pem.splitlines()[1] not in seen[1]


def test_a_client_certificate_from_a_pfx(tmp_path: Path) -> None:
    with running(tmp_path / "pki", says(), wants_certificate=True) as host:
        client, _ = mapped(host, tmp_path)
        (tmp_path / "logon.pfx").write_bytes(client.pfx("s3same"))
        certificate = Certificate("logon", pfx="logon.pfx", passphrase=SecretRef("test", "s3same"))
        connection = host.connection(credential=None, certificate=certificate)
        with open_host(connection, context(tmp_path)) as opened:
            assert opened.execute(ANY, {}, deadline=20) == 1


def test_one_context_shows_a_client_certificate_to_every_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[ssl.SSLContext] = []
    load = ssl.SSLContext.load_cert_chain

    def count(self: ssl.SSLContext, *args: Any) -> None:
        loaded.append(self)
        load(self, *args)

    with running(tmp_path / "pki", says(), wants_certificate=True) as host:
        _, certificate = mapped(host, tmp_path)
        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", count)

        def once(number: int) -> Any:
            connection = host.connection(name=f"px-{number}", credential=None, certificate=certificate)
            with open_host(connection, context(tmp_path)) as opened:
                return opened.execute(ANY, {}, deadline=20)

        with ThreadPoolExecutor(3) as threads:
            assert list(threads.map(once, range(6))) == [1] * 6
        assert len(loaded) == 1
        other = host.authority.client("x", "x@localhost").key_pem.decode()
        wrong = Certificate("other", cert="logon.pem", key=SecretRef("test", other))
        (tmp_path / "logon.pem").write_bytes(host.authority.client("y", "y@localhost").cert_pem)
        with (
            pytest.raises(AuthenticationFailed, match="do not belong together"),
            open_host(host.connection(credential=None, certificate=wrong), context(tmp_path)),
        ):
            pass


def test_a_client_certificate_that_is_not_mapped(tmp_path: Path) -> None:
    with running(tmp_path / "pki", says(), wants_certificate=True) as host:
        _, certificate = mapped(host, tmp_path)
        host.accounts.certificates.clear()
        connection = host.connection(credential=None, certificate=certificate)
        with (
            pytest.raises(AuthenticationFailed) as caught,
            open_host(connection, context(tmp_path)),
        ):
            pass
    assert "certmapping" in caught.value.hint


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (Certificate("logon", cert="nowhere.pem", key=SecretRef("test", "x")), "is not a PEM key"),
        (Certificate("logon", cert="logon.pem", key=SecretRef("test", "no key")), "is not a PEM key"),
        (Certificate("logon", pfx="logon.pem", passphrase=SecretRef("test", "x")), "is not a PFX file"),
        (Certificate("logon", pfx="nowhere.pfx"), "nowhere.pfx cannot be read"),
    ],
)
def test_a_client_certificate_that_cannot_be_read(tmp_path: Path, certificate: Certificate, reason: str) -> None:
    with running(tmp_path / "pki", says()) as host:
        mapped(host, tmp_path)
        connection = host.connection(credential=None, certificate=certificate)
        with (
            pytest.raises(SecretError, match=reason),
            open_host(connection, context(tmp_path)),
        ):
            pass


def test_an_expired_certificate(tmp_path: Path) -> None:
    with running(tmp_path, says(), identity=lambda authority: authority.expired(NAME)) as host:
        error = refusal(host)
    assert isinstance(error, UntrustedPeer)
    assert "expired" in error.reason
    assert "Renew" in error.hint


def test_certificates_of_others_are_not_trusted(tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with running(tmp_path / "pki", says()) as host:
        for trust in (Trust(), Trust(ca_file=str(other.ca_file))):
            assert isinstance(refusal(host, trust=trust), UntrustedPeer)
        assert isinstance(refusal(host, host="px-2.example.net"), UntrustedPeer)
        assert host.engine.counts["Create"] == 0


def test_a_host_proves_the_name_that_the_inventory_gives_it(tmp_path: Path) -> None:
    """It may be declared by its address, or by a short name."""
    with running(tmp_path, says()) as host:
        assert run(host, host="192.0.2.21", verified_name=NAME) == 1
        for name in ("", "px-2.example.net"):
            error = refusal(host, host="192.0.2.21", verified_name=name)
            assert isinstance(error, UntrustedPeer)
            assert "`connection.name`" in error.hint
        assert host.engine.counts["Create"] == 1


@pytest.mark.parametrize("auth", ["ntlm", "kerberos"])
def test_the_service_principal_has_the_name_that_the_host_proves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(authentication, "has_kerberos", lambda: True)
    monkeypatch.setattr("spnego.client", lambda *_login, hostname, service, **_more: asked.append((service, hostname)))
    login = Credential("admin", "svc@EXAMPLE.NET", password=SecretRef("test", "x"), auth=auth)
    for host, name in (("192.0.2.21", NAME), (NAME, "")):
        connection = Connection("px-1", host, Transport.WINRM, login, address="127.0.0.1", verified_name=name)
        authentication.negotiation(connection, login, context(tmp_path))(b"")
    assert asked == [("HTTP", NAME)] * 2


def test_a_pinned_certificate_needs_no_authority_and_no_name(tmp_path: Path) -> None:
    with running(tmp_path, says(), identity=lambda authority: authority.self_signed("x")) as host:
        pin = f"sha256:{host.identity.certificate.fingerprint(hashes.SHA256()).hex()}"
        assert run(host, trust=Trust(fingerprint=pin), host="whatever") == 1
        for wrong in ("sha256:" + "0" * 64, "sha1:12"):
            assert isinstance(refusal(host, trust=Trust(fingerprint=wrong)), UntrustedPeer)


def test_a_certificate_that_the_pinned_one_signed_is_another(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        pin = f"sha256:{host.authority.certificate.fingerprint(hashes.SHA256()).hex()}"
        assert isinstance(refusal(host, trust=Trust(fingerprint=pin)), UntrustedPeer)


def test_trust_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with running(tmp_path / "pki", says()) as host:
        for file in ("nowhere.pem", "empty.pem"):
            connection = host.connection(trust=Trust(ca_file=file))
            with (
                pytest.raises(UntrustedPeer, match="cannot be used"),
                open_host(connection, context(tmp_path)),
            ):
                pass


def test_one_context_serves_every_session_with_the_same_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []
    make = ssl.SSLContext.__new__

    def count(kind: type[ssl.SSLContext], *args: Any, **more: Any) -> ssl.SSLContext:
        made.append(make(kind, *args, **more))
        return made[-1]

    with running(tmp_path, says()) as host:
        monkeypatch.setattr(ssl.SSLContext, "__new__", count)
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda number: run(host, name=f"px-{number}"), range(8))) == [1] * 8
        (context,) = made
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert len(context.get_ca_certs()) == 1


def test_a_refused_port_and_a_silent_peer(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host, socket.create_server(("127.0.0.1", 0)) as silent:
        deadlines = Deadlines(connect=0.3)
        pin = Trust(fingerprint="sha256:" + "0" * 64)
        for trust in (host.connection().trust, pin):
            port = silent.getsockname()[1]
            assert isinstance(refusal(host, port=port, trust=trust, deadlines=deadlines), Unreachable)
            assert isinstance(refusal(host, port=1, trust=trust), Unreachable)


def test_a_peer_that_sends_a_byte_now_and_then_does_not_stretch_the_deadline(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    done = threading.Event()

    def trickle(listener: socket.socket) -> None:
        raw, _ = listener.accept()
        with (
            contextlib.suppress(OSError),
            authority.context(authority.host(NAME)).wrap_socket(raw, server_side=True) as peer,
        ):
            while not done.wait(0.05):
                peer.send(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        connection = Connection(
            "px-1",
            NAME,
            Transport.WINRM,
            Credential("admin", "svc", password=SecretRef("test", "x")),
            address="127.0.0.1",
            port=listener.getsockname()[1],
            trust=Trust(ca_file=str(authority.ca_file)),
            deadlines=Deadlines(connect=0.4),
        )
        with pytest.raises(Unreachable, match="not done after"), session(connection):
            pass
        done.set()
        thread.join()


def test_proxies_and_bundles_of_the_environment_have_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    with running(tmp_path, says()) as host:
        assert run(host) == 1


def test_kerberos_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "find_spec", lambda name: None)
    with running(tmp_path, says()) as host:
        error = refusal(host, credential=Credential("admin", "svc@EXAMPLE.NET", auth="kerberos"))
    assert isinstance(error, AuthenticationFailed)
    assert "vbo-reconcile[kerberos]" in error.hint


def test_a_shell_script_is_not_run_over_winrm(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host, session(host.connection()) as opened:
        script = Script("linux/facts.sh", "")
        with pytest.raises(ValueError, match="cannot be run"):
            opened.execute(script, {}, deadline=1)
        assert host.lines == []
