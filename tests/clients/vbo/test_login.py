"""Tokens: how they are asked for, renewed, refused and given back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from reconciler.clients.vbo import Reader, Writer
from reconciler.model.connection import ConnectionContext, Credential
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    Missing,
    Refused,
    RemoteError,
    SecretError,
    Unavailable,
)
from reconciler.model.secret import Secret, SecretRef

from .world import PASSWORD, Clock, Paper, reply, session_with

OAUTH = {"error": "invalid_grant", "error_description": "The user name or password is incorrect."}
REST = {"message": "The user name or password is incorrect.", "errorCode": "HttpError", "stackTrace": "at Veeam…"}


@pytest.mark.parametrize("rest", [5, 6, 7, 8])
def test_the_form(rest: int) -> None:
    paper = Paper()
    session_with(paper, f"v{rest}").close()
    plain = {"grant_type": "password", "username": "CORP\\svc-vbo", "password": PASSWORD}
    flag = {"disable_antiforgery_token": "true"} if rest >= 7 else {}
    assert paper.forms() == [plain | flag]
    assert paper.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("rest", "known"), [(5, False), (6, False), (7, True), (8, True)])
def test_logging_out_where_the_version_can(rest: int, known: bool) -> None:
    paper = Paper()
    session_with(paper, f"v{rest}").close()
    assert (f"POST /v{rest}/token/logout" in paper.asked()) is known
    if known:
        assert paper.requests[-1].headers["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize("answer", [reply(500), httpx.ReadError("gone"), httpx.ConnectError("gone")])
def test_a_logout_that_fails_is_no_failure(answer: Any) -> None:
    paper = Paper(answers={"POST /v8/token/logout": answer})
    session_with(paper).close()
    assert paper.asked()[-1] == "POST /v8/token/logout"


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("body", [OAUTH, REST])
def test_a_login_that_is_refused_in_either_shape(status: int, body: dict[str, str]) -> None:
    paper = Paper(answers={"POST /v8/token": reply(status, body)})
    with pytest.raises(AuthenticationFailed) as caught:
        session_with(paper)
    assert caught.value.reason.startswith("The user name or password is incorrect. (HTTP ")
    assert "at Veeam" not in str(caught.value)
    assert "DOMAIN\\user" in caught.value.hint
    assert "log in as CORP\\svc-vbo" in str(caught.value)
    assert paper.asked().count("POST /v8/token") == 1


@pytest.mark.parametrize("text", ["", "<html>no</html>"])
def test_a_login_that_is_refused_without_a_reason(text: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        session_with(Paper(answers={"POST /v8/token": reply(401, text=text)}))
    assert caught.value.reason == ("Unauthorized (HTTP 401, a web page)" if text else "Unauthorized (HTTP 401)")


def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    body = {"error": "invalid_grant", "error_description": f"no user with the password {PASSWORD} is known"}
    with pytest.raises(AuthenticationFailed) as caught:
        session_with(Paper(answers={"POST /v8/token": reply(400, body)}))
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value)
    assert "no user with the password •••••• is known" in caught.value.reason


def test_an_error_of_the_server_at_login_is_not_taken_for_a_wrong_password() -> None:
    with pytest.raises(RemoteError) as caught:
        session_with(Paper(answers={"POST /v8/token": reply(500, {"message": "database is down"})}))
    assert caught.value.code == "refused"
    assert "database is down" in caught.value.reason


@pytest.mark.parametrize("status", [400, 403])
def test_a_page_of_a_gateway_says_nothing_of_the_credentials(status: int) -> None:
    page = reply(status, text=f"<html><head><title>{status} No required SSL certificate was sent</title></head>")
    with pytest.raises(Refused) as caught:
        session_with(Paper(answers={"POST /v8/token": page}))
    assert not isinstance(caught.value, AuthenticationFailed)
    assert f'the web page "{status} No required SSL certificate was sent"' in caught.value.reason
    assert "gateway" in caught.value.hint


def test_a_server_that_wants_to_be_left_alone_for_a_day_is_not_waited_for() -> None:
    clock = Clock()
    for path in ("GET /v8/ServiceInstance", "POST /v8/token"):
        busy = httpx.Response(503, headers={"Retry-After": "86400"})
        with pytest.raises(Unavailable, match="Retry-After: 86400 s"):
            session_with(Paper(answers={path: busy}), clock=clock)
    assert clock.slept == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    clock = Clock()
    paper = Paper(answers={"POST /v8/token": reply(status)})
    with pytest.raises(Unavailable):
        session_with(paper, clock=clock)
    assert paper.asked().count("POST /v8/token") == 3
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, {}),
        reply(200, {"access_token": ""}),
        reply(200, {"access_token": 7}),
        reply(200, {"access_token": "a\nb"}),
        reply(200, []),
        reply(200),
        reply(200, text="canary-token is here"),
    ],
)
def test_a_token_that_is_none(answer: httpx.Response) -> None:
    with pytest.raises(BadAnswer) as caught:
        session_with(Paper(answers={"POST /v8/token": answer}))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("expires_in", [100, "100", "100.0"])
def test_a_token_is_refreshed_before_it_runs_out(expires_in: Any) -> None:
    clock = Clock()
    paper = Paper(expires_in=expires_in, answers={"GET /v8/Proxies/1": reply(200, {"id": "1"})})
    with session_with(paper, clock=clock) as session:
        reader = Reader(session)
        clock.now += 89
        reader.get("Proxies/1")
        assert len(paper.forms()) == 1
        clock.now += 2
        reader.get("Proxies/1")
        reader.get("Proxies/1")
    assert paper.forms()[1:] == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-1", "disable_antiforgery_token": "true"}
    ]
    assert paper.requests[-2].headers["Authorization"] == "Bearer token-2"


@pytest.mark.parametrize("expires_in", [None, "soon", -1, 0, "nan"])
def test_a_lifetime_that_cannot_be_read_is_left_to_the_server(expires_in: Any) -> None:
    clock = Clock()
    paper = Paper(expires_in=expires_in, answers={"GET /v8/Proxies/1": reply(200, {"id": "1"})})
    with session_with(paper, clock=clock) as session:
        clock.now += 10**6
        assert Reader(session).get("Proxies/1") == {"id": "1"}
    assert len(paper.forms()) == 1


def test_a_refresh_that_is_refused_becomes_a_login() -> None:
    clock = Clock()
    paper = Paper(expires_in=100, refresh=False, answers={"GET /v8/Proxies/1": reply(200, {"id": "1"})})
    with session_with(paper, clock=clock) as session:
        clock.now += 100
        Reader(session).get("Proxies/1")
    assert [form["grant_type"] for form in paper.forms()] == ["password", "refresh_token", "password"]


def expire_once(paper: Paper, answer: httpx.Response, then: httpx.Response) -> Any:
    """A resource that refuses the first token with `answer`, as if it had run out, and then gives `then`."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] == "Bearer token-1":
            return httpx.Response(answer.status_code, content=answer.content)
        return httpx.Response(then.status_code, content=then.content)

    return handle


@pytest.mark.parametrize("answer", [reply(401), reply(401, {"error": "invalid_token"})])
def test_a_token_that_is_refused_leads_to_one_new_login(answer: httpx.Response) -> None:
    paper = Paper()
    paper.answers["GET /v8/Proxies/1"] = expire_once(paper, answer, reply(200, {"id": "1"}))
    with session_with(paper) as session:
        assert Reader(session).get("Proxies/1") == {"id": "1"}
        assert Reader(session).get("Proxies/1") == {"id": "1"}
    assert [form["grant_type"] for form in paper.forms()] == ["password", "password"]


def test_a_write_that_meets_an_expired_token_is_sent_again_with_the_new_one() -> None:
    paper = Paper()
    paper.answers["POST /v8/Proxies"] = expire_once(paper, reply(401), reply(201, {"id": "1"}))
    with session_with(paper) as session:
        assert Writer(session).create("Proxies", {"hostName": "px"}) == {"id": "1"}
        assert session.requests == {"GET": 2, "LOGIN": 2, "POST": 2}
    sent = [request for request in paper.requests if request.url.path == "/v8/Proxies"]
    assert [request.headers["Authorization"] for request in sent] == ["Bearer token-1", "Bearer token-2"]
    assert sent[0].content == sent[1].content


def test_a_second_refusal_is_final() -> None:
    paper = Paper(answers={"GET /v8/Proxies/1": reply(401)})
    with session_with(paper) as session:
        with pytest.raises(AuthenticationFailed) as caught:
            Reader(session).get("Proxies/1")
        assert session.requests == {"GET": 4, "LOGIN": 2}
    assert "after a successful login" in caught.value.hint


def test_a_401_with_a_message_is_about_the_request_and_not_the_token() -> None:
    paper = Paper(answers={"POST /v8/Proxies/1/maintenance/enable": reply(401, {"message": "host refused root"})})
    with session_with(paper) as session, pytest.raises(AuthenticationFailed) as caught:
        Writer(session).act("Proxies/1", "maintenance/enable", {"username": "root"})
    assert "host refused root" in caught.value.reason
    assert len(paper.forms()) == 1


def test_threads_that_meet_an_expired_token_share_one_new_login() -> None:
    """All of them are refused before one of them logs in."""
    workers = 8
    everyone_refused = threading.Barrier(workers)

    def proxies(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] == "Bearer token-1":
            everyone_refused.wait(10)
            return reply(401)
        return reply(200, {"id": "1"})

    paper = Paper(answers={"GET /v8/Proxies/1": proxies})
    with session_with(paper) as session, ThreadPoolExecutor(workers) as pool:
        reader = Reader(session)
        found = list(pool.map(lambda _: reader.get("Proxies/1"), range(workers)))
    assert found == [{"id": "1"}] * workers
    assert len(paper.forms()) == 2


def test_a_credential_without_a_password() -> None:
    paper = Paper()
    with pytest.raises(AuthenticationFailed) as caught:
        session_with(paper, credential=Credential("key-only", "svc-vbo"))
    assert "key-only has no password" in caught.value.reason
    assert "POST /v8/token" not in paper.asked()


def test_a_password_that_cannot_be_found_is_not_hidden_behind_something_else() -> None:
    class Empty:
        def resolve(self, reference: SecretRef) -> Secret:
            raise SecretError(f"{reference} is not set")

    from reconciler.clients.vbo import connect

    from .world import server

    with pytest.raises(SecretError, match="VBO_PASSWORD is not set"):
        connect(server(), ConnectionContext(Empty(), "/nowhere"), transport=httpx.MockTransport(Paper()))


def test_no_secret_is_in_what_a_session_shows() -> None:
    paper = Paper(answers={"GET /v8/Proxies/1": reply(500, {"message": "bad token token-1"})})
    with session_with(paper) as session:
        with pytest.raises(RemoteError) as caught:
            Reader(session).get("Proxies/1")
        shown = f"{session!r} {vars(session)!r} {vars(session._login)!r} {caught.value}"
    assert PASSWORD not in shown
    assert "token-1" not in shown


def test_closing_after_a_failed_start_leaves_nothing_open() -> None:
    paper = Paper(answers={"GET /v8/ServiceInstance": [reply(401), reply(404)]})
    with pytest.raises(Missing):
        session_with(paper)
    assert paper.asked()[-1] == "POST /v8/token/logout"
