"""Every way to fail has one place in our tree."""

from __future__ import annotations

import json
import socket
import ssl
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from reconciler.clients.http.faults import CAUGHT, FAULTS, translate
from reconciler.clients.vbo import Reader, Writer
from reconciler.clients.vbo.answer import Answer, refusal, secrets_in
from reconciler.clients.vbo.wire import Wire
from reconciler.model.connection import Credential, Server
from reconciler.model.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadAnswer,
    Conflict,
    ConnectionLost,
    DeadlineExceeded,
    Missing,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)
from reconciler.model.secret import Secret, mask_secrets

from .world import Paper, reply, session_with

HTTPX_EXCEPTIONS = sorted(
    (item for item in vars(httpx).values() if isinstance(item, type) and issubclass(item, Exception)),
    key=lambda item: item.__name__,
)


def made(kind: type[Exception]) -> Exception:
    """An instance of any exception of httpx, whose constructors differ."""
    request = httpx.Request("GET", "https://vbo01/")
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("no", request=request, response=httpx.Response(500, request=request))
    if kind in {httpx.StreamConsumed, httpx.ResponseNotRead, httpx.RequestNotRead, httpx.StreamClosed}:
        return kind()
    return kind("no")


def test_httpx_has_the_exceptions_that_are_expected() -> None:
    assert {"ConnectError", "ReadTimeout", "InvalidURL", "StreamClosed"} <= {kind.__name__ for kind in HTTPX_EXCEPTIONS}


@pytest.mark.parametrize("kind", HTTPX_EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_is_in_the_table_and_caught(kind: type[Exception]) -> None:
    assert kind in FAULTS, f"{kind.__name__} of httpx has no place in FAULTS"
    assert issubclass(kind, CAUGHT)
    paper = Paper(answers={"PUT /v8/Proxies/1": made(kind)})
    with session_with(paper) as session, pytest.raises(RemoteError) as caught:
        Writer(session).replace("Proxies/1", {})
    assert type(caught.value) is FAULTS[kind]
    assert isinstance(caught.value.__cause__, kind)
    assert "PUT /v8/Proxies/1" in str(caught.value)


@pytest.mark.parametrize("kind", [OSError, UnicodeError, TimeoutError], ids=lambda kind: kind.__name__)
def test_exceptions_of_the_standard_library_are_caught_too(kind: type[Exception]) -> None:
    paper = Paper(answers={"PUT /v8/Proxies/1": kind("no")})
    with session_with(paper) as session, pytest.raises(RemoteError):
        Writer(session).replace("Proxies/1", {})


def chained(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (chained(httpx.ConnectError("x"), socket.gaierror(-2, "x")), Unreachable, "the name cannot be resolved"),
        (chained(httpx.ConnectError("x"), ConnectionRefusedError(111, "x")), Unreachable, "connection refused"),
        (chained(httpx.ConnectError("x"), OSError(113, "No route to host")), Unreachable, "no route to host"),
        (chained(httpx.ConnectTimeout("x"), TimeoutError()), Unreachable, "no answer in time"),
        (chained(httpx.ConnectError("x"), ConnectionResetError(104, "x")), Unreachable, "closed by the other end"),
        (chained(httpx.ConnectError("x"), ssl.SSLEOFError(8, "x")), Unreachable, "closed by the other end"),
        (chained(httpx.ReadError("x"), ConnectionResetError(104, "x")), ConnectionLost, "closed by the other end"),
        (chained(httpx.ReadError("x"), ssl.SSLError(1, "bad record mac")), ConnectionLost, "bad record mac"),
        (chained(httpx.ReadTimeout("x"), TimeoutError()), DeadlineExceeded, "no answer in time"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), ConnectionLost, "disconnected"),
        (httpx.RemoteProtocolError("illegal status line"), BadAnswer, "illegal status line"),
        (UnicodeError("label too long"), Unreachable, "the name cannot be resolved"),
    ],
)
def test_what_broke_is_said_in_plain_words(error: Exception, kind: type[RemoteError], words: str) -> None:
    mapped = translate(error, "vbo01:4443", "GET /v8/Proxies")
    assert type(mapped) is kind
    assert words in mapped.reason
    assert mapped.hint


def test_nothing_was_sent_is_only_claimed_where_it_is_certain() -> None:
    before_sending = {
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
        httpx.InvalidURL,
        UnicodeError,
    }
    assert {kind for kind, ours in FAULTS.items() if ours.nothing_sent} == before_sending


def verification(code: int) -> Exception:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "as OpenSSL says it"
    return chained(httpx.ConnectError("x"), error)


@pytest.mark.parametrize(
    ("code", "reason", "hint"),
    [
        (9, "not valid yet", "clocks"),
        (10, "expired", "Renew"),
        (18, "self-signed", "ca_file"),
        (19, "authority that is not trusted", "ca_file"),
        (20, "authority that is not trusted", "ca_file"),
        (62, "another name", "server.host"),
        (64, "not for this address", "server.host"),
        (26, "as OpenSSL says it", "fingerprint"),
    ],
)
def test_certificates_that_are_refused_are_told_apart(code: int, reason: str, hint: str) -> None:
    mapped = translate(verification(code), "vbo01:4443", "connect")
    assert isinstance(mapped, UntrustedPeer)
    assert reason in mapped.reason
    assert hint in mapped.hint
    assert "{peer}" not in mapped.hint


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"message": "port is not a number"}, Refused),
        (400, {"message": "no", "errorCode": "ParameterValidationFailure"}, Refused),
        (401, None, AuthenticationFailed),
        (403, None, AccessDenied),
        (403, {"message": "no", "errorCode": "ResourceAccessDenied"}, AccessDenied),
        (403, {"message": "no", "errorCode": "OrganizationTransfer"}, Refused),
        (404, None, Missing),
        (500, {"message": "no", "errorCode": "ResourceNotFound"}, Missing),
        (408, None, DeadlineExceeded),
        (500, {"message": "no", "errorCode": "Timeout"}, DeadlineExceeded),
        (409, None, Conflict),
        (500, {"message": "no", "errorCode": "OperationConflict"}, Conflict),
        (400, {"message": "no", "errorCode": "OperationConflict"}, Conflict),
        (500, {"message": "no", "errorCode": "ProxyOffline"}, Refused),
        (503, {"message": "no", "errorCode": "ProxyOffline"}, Refused),
        (429, None, Unavailable),
        (502, None, Unavailable),
        (503, {"message": "no", "errorCode": "HttpError"}, Unavailable),
        (503, {"message": "no", "errorCode": "NewWordOf2030"}, Unavailable),
        (504, None, Unavailable),
        (500, {"message": "the proxy is in use"}, Refused),
        (500, None, Refused),
        (418, None, Refused),
        (302, None, BadAnswer),
        (202, {"id": "1"}, BadAnswer),
        (777, None, BadAnswer),
    ],
)
def test_answers(status: int, body: Any, kind: type[RemoteError]) -> None:
    answer = Answer(status, reply(status, body).content)
    error = refusal(answer, "vbo01:4443", "PUT /v8/Proxies/1")
    assert type(error) is kind
    assert f"HTTP {status}" in error.reason
    if isinstance(error, Refused):
        assert error.status == status
        assert error.error_code == ((body or {}).get("errorCode") or "")


STATUSES: dict[int, type[RemoteError]] = {
    401: AuthenticationFailed,
    403: AccessDenied,
    404: Missing,
    408: DeadlineExceeded,
    409: Conflict,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


@pytest.mark.parametrize("status", HTTPStatus)
def test_each_status_of_http_has_its_class(status: HTTPStatus) -> None:
    """What is not in the table is the server's refusal, or no answer of this API at all."""
    error = refusal(Answer(status, b""), "vbo01:4443", "PUT /v8/Proxies/1")
    assert type(error) is STATUSES.get(status, Refused if status >= 400 else BadAnswer)
    assert f"HTTP {status.value}" in error.reason


@pytest.mark.parametrize("body", [{"errorCode": 7}, {"message": None, "errorCode": None}, [1], "text", {"message": {}}])
def test_error_bodies_of_another_shape_do_not_matter(body: Any) -> None:
    error = refusal(Answer(500, reply(500, body).content), "vbo01:4443", "x")
    assert type(error) is Refused
    assert error.reason == "Internal Server Error (HTTP 500)"


def test_the_message_of_the_server_is_passed_on_in_one_line_without_its_stack_trace() -> None:
    body = {"message": "The proxy\r\n is  in use.", "errorCode": "OperationConflict", "stackTrace": "at Veeam.Archiver"}
    error = refusal(Answer(500, reply(500, body).content), "vbo01:4443", "x")
    assert error.reason == "The proxy is in use. (HTTP 500, OperationConflict)"
    long = refusal(Answer(500, reply(500, {"message": "x" * 5000}).content), "vbo01:4443", "x")
    assert len(long.reason) < 500


def test_secrets_of_a_body_are_found_by_their_names() -> None:
    body = {
        "hostName": "px",
        "password": "one",
        "sshSettings": {"privateKeyBase64": "two", "accountPassword": None, "account": "root"},
        "list": [{"userPassword": "three"}, 7],
        "anything": Secret("four"),
    }
    assert sorted(secrets_in(body)) == ["four", "one", "three", "two"]


def test_a_secret_that_contains_another_is_blanked_out_whole() -> None:
    assert mask_secrets("it is hunter22 or hunter2", ["hunter2", "hunter22", "", "x"]) == "it is •••••• or ••••••"


def test_a_server_that_quotes_a_secret_of_the_request() -> None:
    body = {"message": f"cannot log in with {'s3cr3t-' * 80}"}
    paper = Paper(answers={"POST /v8/Proxies": reply(500, body)})
    with session_with(paper) as session, pytest.raises(Refused) as caught:
        Writer(session).create("Proxies", {"password": Secret("s3cr3t-" * 80)})
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(200), "nothing instead of JSON"),
        (reply(200, text="<html>"), "a web page"),
        (reply(200, text="{]"), "2 bytes of something else"),
        (reply(200, text="[" * 200_000), "200000 bytes"),
        (reply(200, text="\xff"), "2 bytes"),
        (reply(200, [1]), "a list instead of"),
    ],
)
def test_answers_that_are_not_what_was_asked_for(answer: httpx.Response, words: str) -> None:
    with session_with(Paper(answers={"GET /v8/Proxies/1": answer})) as session, pytest.raises(BadAnswer) as caught:
        Reader(session).get("Proxies/1")
    assert words in caught.value.reason


def test_an_answer_without_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.clients.vbo.wire._LONGEST", 1000)
    sent: list[int] = []

    def endless(request: httpx.Request) -> httpx.Response:
        def parts() -> Any:
            while True:
                sent.append(1)
                yield b" " * 100

        return httpx.Response(200, content=parts())

    server = Server("vbo01", Credential("admin", "svc"))
    wire = Wire(server, "/", clock=lambda: 0.0, transport=httpx.MockTransport(endless))
    with pytest.raises(BadAnswer, match="longer than"):
        wire.exchange("GET", "/v8/Proxies", until=5.0)
    assert len(sent) < 20


@pytest.mark.parametrize(
    "written",
    [
        r"pä/s&w\"d +'x",
        json.dumps("pä/s&w\"d +'x"),
        r"p\u00e4/s\u0026w\"d \u002b\u0027x",
        r"p\u00E4/s\u0026w\"d \u002B\u0027x",
        "p%C3%A4%2Fs%26w%22d%20%2B%27x",
        "p%c3%a4%2fs%26w%22d%20%2b%27x",
        "p%C3%A4/s%26w%22d%20%2B%27x",
        "p%C3%A4%2Fs%26w%22d+%2B%27x",
        "pä/s&amp;w&quot;d +&#x27;x",
    ],
)
def test_a_secret_is_masked_as_it_is_escaped(written: str) -> None:
    """In JSON of .NET, in URLs, in XML."""
    assert "d" not in mask_secrets(f"[{written}]", ["pä/s&w\"d +'x"]).removeprefix("[")


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (b"<html><head><title>502 Bad Gateway</title>", "502 Bad Gateway"),
        (b"\xef\xbb\xbf\n<!doctype html><TITLE lang=en>Sign in\n  &amp; go</TITLE>", "Sign in & go"),
        (b"<html><title></title><h1>Not Found</h1>", "Not Found"),
        (b"<title", ""),
        (b"</title><title>", ""),
        (b"<html>" + b"x" * (1 << 14) + b"<title>far</title>", ""),
        (b'{"title": "<title>x</title>"}', ""),
    ],
)
def test_the_title_of_a_page_is_what_a_gateway_says(content: bytes, title: str) -> None:
    assert Answer(502, content).title == title
