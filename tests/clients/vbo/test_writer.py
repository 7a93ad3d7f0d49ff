"""Writing: verbs, bodies, forms of actions, long calls; and that nothing is ever sent twice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from reconciler.clients.vbo import Writer
from reconciler.model.errors import (
    BadAnswer,
    Conflict,
    ConnectionLost,
    DeadlineExceeded,
    Missing,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
)
from reconciler.model.secret import Secret

from .world import PASSWORD, Clock, Paper, body_of, query_of, reply, session_with


def test_create_gives_the_new_object() -> None:
    paper = Paper(answers={"POST /v8/Proxies": reply(201, {"id": "1", "hostName": "px"})})
    with session_with(paper) as session:
        made = Writer(session).create("Proxies", {"hostName": "px", "description": "Straße"}, query={"a": True})
    assert made == {"id": "1", "hostName": "px"}
    sent = paper.requests[-2]
    assert body_of(sent) == {"hostName": "px", "description": "Straße"}
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Host"] == "vbo01.corp.example.com:4443"
    assert query_of(sent) == {"a": "true"}


def test_an_answer_without_a_body_is_an_empty_object() -> None:
    paper = Paper(answers={"POST /v8/ProxyPools/1/proxies": reply(204), "POST /v6/Proxies/1/Rescan": reply(200)})
    with session_with(paper) as session:
        assert Writer(session).create("ProxyPools/1/proxies", [{"proxyId": "2"}]) == {}
    assert body_of(paper.requests[-2]) == [{"proxyId": "2"}]
    with session_with(paper, "v6") as session:
        assert Writer(session).act("Proxies/1", "Rescan") == {}
    assert paper.requests[-1].content == b""
    assert "Content-Type" not in paper.requests[-1].headers


def test_nothing_is_sent_that_is_not_permitted() -> None:
    class Lost(Exception):
        pass

    def refuse() -> None:
        raise Lost

    paper = Paper(answers={"POST /v8/Proxies/CheckSshConnectionConfig": reply(200, {"status": "Success"})})
    with session_with(paper) as session:
        writer, sent = Writer(session, refuse), len(paper.requests)
        for send in (
            lambda: writer.create("Proxies", {}),
            lambda: writer.replace("Proxies/1", {}),
            lambda: writer.delete("Jobs/1"),
            lambda: writer.act("Proxies/1", "Rescan"),
        ):
            with pytest.raises(Lost):
                send()
        assert len(paper.requests) == sent
        assert writer.check("Proxies", "CheckSshConnectionConfig", {}) == {"status": "Success"}


def test_delete_with_and_without_a_body() -> None:
    paper = Paper(answers={"DELETE /v8/ProxyPools/1/proxies": reply(204), "DELETE /v8/Jobs/1": reply(204)})
    with session_with(paper) as session:
        Writer(session).delete("ProxyPools/1/proxies", [{"proxyId": "2"}])
        Writer(session).delete("Jobs/1")
        assert session.requests["DELETE"] == 2
    assert [body_of(request) for request in paper.requests if request.method == "DELETE"] == [[{"proxyId": "2"}], None]


@pytest.mark.parametrize("status", [200, 204])
def test_replace_cares_for_no_body(status: int) -> None:
    paper = Paper(answers={"PUT /v8/Proxies/1": reply(status, text="whatever" if status == 200 else "")})
    with session_with(paper) as session:
        Writer(session).replace("Proxies/1", {"port": 9193})
    assert body_of(paper.requests[-2]) == {"port": 9193}


def test_a_started_job_gives_its_session_in_v8_and_nothing_before() -> None:
    paper = Paper(answers={"POST /v8/Jobs/1/start": reply(200, {"id": "s"}), "POST /v7/Jobs/1/start": reply(204)})
    with session_with(paper) as session:
        assert Writer(session).act("Jobs/1", "start") == {"id": "s"}
    assert body_of(paper.requests[-2]) == {"full": False}
    with session_with(paper, "v7") as session:
        assert Writer(session).act("Jobs/1", "start", {"full": True}) == {}
    assert body_of(paper.requests[-2]) == {"full": True}


def test_actions_of_v5_go_to_one_endpoint() -> None:
    paper = Paper((5,), {"POST /v5/Proxies/1/action": reply(200), "POST /v5/Jobs/1/action": reply(200)})
    with session_with(paper, "v5") as session:
        writer = Writer(session)
        writer.act("Proxies/1", "Rescan")
        writer.act("Proxies/1", "Remove", {"force": False, "userName": "a", "userPassword": "b"})
        writer.act("Jobs/1", "start")
        with pytest.raises(Refused) as caught:
            writer.act("Proxies/1", "maintenance/enable", {})
    assert "v5 has no such action" in caught.value.reason
    assert [body_of(request) for request in paper.requests if request.url.path.endswith("/action")] == [
        {"rescan": None},
        {"remove": {"force": False, "userName": "a", "userPassword": "b"}},
        {"start": None},
    ]


def test_an_action_with_a_query_and_no_body() -> None:
    path = "BackupRepositories/1/changeOwner"
    paper = Paper(answers={f"POST /v8/{path}": reply(200, {"id": "s", "status": "Waiting"})})
    with session_with(paper) as session:
        found = Writer(session).act("BackupRepositories/1", "changeOwner", query={"poolId": "2"})
    assert found["status"] == "Waiting"
    assert query_of(paper.requests[-2]) == {"poolId": "2"}


@pytest.mark.parametrize(("long", "seconds"), [(False, 60.0), (True, 1800.0)])
@pytest.mark.parametrize("verb", ["create", "replace", "act"])
def test_calls_that_install_something_may_take_long(verb: str, long: bool, seconds: float) -> None:
    paper = Paper(
        answers={
            "POST /v8/Proxies": reply(201, {}),
            "PUT /v8/Proxies": reply(204),
            "POST /v8/Proxies/Remove": reply(204),
        }
    )
    with session_with(paper) as session:
        writer = Writer(session)
        call: Any = {
            "create": lambda: writer.create("Proxies", {}, long=long),
            "replace": lambda: writer.replace("Proxies", {}, long=long),
            "act": lambda: writer.act("Proxies", "Remove", {}, long=long),
        }[verb]
        call()
    assert paper.requests[-2].extensions["timeout"] == {
        "connect": 10.0,
        "read": seconds,
        "write": seconds,
        "pool": 10.0,
    }


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (reply(503), Unavailable),
        (reply(504), DeadlineExceeded),  # a gateway gave up, as this side would have
        (reply(429), Unavailable),  # without a time for the retry
        (reply(409), Conflict),
        (reply(404), Missing),
        (httpx.ReadError("x"), ConnectionLost),
        (httpx.ReadTimeout("x"), DeadlineExceeded),
        (httpx.ConnectError("x"), Unreachable),
    ],
)
@pytest.mark.parametrize("verb", ["create", "replace", "delete", "act"])
def test_nothing_that_writes_is_sent_twice(verb: str, failure: Any, kind: type[RemoteError]) -> None:
    paths = ("POST /v8/X", "PUT /v8/X", "DELETE /v8/X", "POST /v8/X/Remove")
    paper = Paper(answers=dict.fromkeys(paths, failure))
    with session_with(paper) as session:
        writer = Writer(session)
        call: Any = {
            "create": lambda: writer.create("X", {}),
            "replace": lambda: writer.replace("X", {}),
            "delete": lambda: writer.delete("X"),
            "act": lambda: writer.act("X", "Remove"),
        }[verb]
        with pytest.raises(kind):
            call()
    assert len([asked for asked in paper.asked() if asked in paths]) == 1


def test_after_the_timeout_of_a_gateway_the_server_may_still_be_at_work() -> None:
    paper = Paper(answers={"POST /v8/Proxies": reply(504)})
    with session_with(paper) as session, pytest.raises(DeadlineExceeded) as raised:
        Writer(session).create("Proxies", {}, long=True)
    assert raised.value.hint == (
        "A gateway stopped waiting, and the server may still be at work: apply again in some minutes."
    )


def test_a_success_that_v5_to_v8_do_not_know_is_not_taken_for_one() -> None:
    paper = Paper(answers={"POST /v8/Proxies": reply(202, {"id": "1"})})
    with session_with(paper) as session, pytest.raises(BadAnswer):
        Writer(session).create("Proxies", {})


def test_a_created_object_that_is_none() -> None:
    paper = Paper(answers={"POST /v8/Proxies": reply(201, ["1"])})
    with session_with(paper) as session, pytest.raises(BadAnswer):
        Writer(session).create("Proxies", {})


def test_a_secret_is_revealed_when_it_is_sent_and_not_before() -> None:
    paper = Paper(answers={"POST /v8/Proxies": reply(201, {})})
    with session_with(paper) as session:
        Writer(session).create("Proxies", {"password": Secret(PASSWORD), "list": [Secret("b")]})
        assert body_of(paper.requests[-1]) == {"password": PASSWORD, "list": ["b"]}
        with pytest.raises(TypeError):
            Writer(session).create("Proxies", {"password": object()})


def test_importing_the_client_does_not_load_the_http_library() -> None:
    check = "import sys, reconciler.clients.vbo; print([name for name in ('httpx', 'ssl') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def busy(text: str, date: str = "") -> httpx.Response:
    """An answer that asks to come back later."""
    return httpx.Response(429, headers={"Retry-After": text} | ({"Date": date} if date else {}))


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (busy("7"), 7.0),
        (busy("Fri, 27 Nov 2026 20:00:20 GMT", "Fri, 27 Nov 2026 20:00:00 GMT"), 20.0),
    ],
)
def test_a_request_that_was_too_many_is_sent_again_when_the_server_says(answer: httpx.Response, pause: float) -> None:
    """It was not executed, so that also a write is safe to send again."""
    clock = Clock()
    paper = Paper(answers={"POST /v8/X": [answer, reply(201, {"id": "1"})]})
    with session_with(paper, clock=clock) as session:
        assert Writer(session).create("X", {}) == {"id": "1"}
    assert clock.slept == [pause]


@pytest.mark.parametrize("text", ["", "soon", "-1", "Fri, 27 Nov 2026 20:00:20 GMT", "9" * 30])
def test_a_time_that_cannot_be_read_or_lies_beyond_the_deadline_is_not_waited_for(text: str) -> None:
    paper = Paper(answers={"POST /v8/X": busy(text)})
    with session_with(paper, clock=Clock()) as session, pytest.raises(Unavailable):
        Writer(session).create("X", {})
    assert paper.asked().count("POST /v8/X") == 1


def test_reading_waits_as_long_as_the_server_asks() -> None:
    clock = Clock()
    answer = httpx.Response(503, headers={"Retry-After": "30"})
    paper = Paper(answers={"GET /v8/Jobs/1": [answer, reply(200, {"id": "1"})]})
    with session_with(paper, clock=clock) as session:
        assert session.read("Jobs/1") == {"id": "1"}
    assert clock.slept == [30.0]


def test_a_post_that_changes_nothing_is_repeated() -> None:
    paper = Paper(answers={"POST /v8/Proxies/Look": [reply(503), httpx.ReadError("x"), reply(200, {"key": "k"})]})
    with session_with(paper) as session:
        assert Writer(session).check("Proxies", "Look", {}) == {"key": "k"}
