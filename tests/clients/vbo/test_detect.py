"""Which version is spoken, and what is said where it cannot be found."""

from __future__ import annotations

import httpx
import pytest

from reconciler.model.errors import AuthenticationFailed, BadAnswer, Missing, Unavailable

from .world import BUILD, INSTALLATION, Clock, Paper, reply, session_with


@pytest.mark.parametrize(
    ("served", "rest"), [((8, 7, 6, 5), 8), ((7, 6, 5), 7), ((6, 5), 6), ((8,), 8), ((6,), 6), ((5,), 5)]
)
def test_the_newest_version_that_is_served(served: tuple[int, ...], rest: int) -> None:
    paper = Paper(served)
    with session_with(paper) as session:
        assert session.rest == rest
        assert session.dialect.rest == rest
        assert session.build == (BUILD if rest > 5 else "")
        assert session.installation == (INSTALLATION if rest > 5 else "")
        assert session.host == "vbo01.corp.example.com"
        assert session.peer == "vbo01.corp.example.com:4443"


def test_probes_carry_no_token_and_end_with_the_first_version_found() -> None:
    paper = Paper((7, 6, 5))
    session_with(paper).close()
    assert paper.asked() == [
        "GET /v8/ServiceInstance",
        "GET /v7/ServiceInstance",
        "POST /v7/token",
        "GET /v7/ServiceInstance",
        "POST /v7/token/logout",
    ]
    assert all("Authorization" not in request.headers for request in paper.requests[:3])


def test_v5_without_service_instance_is_recognised_by_its_proxies() -> None:
    paper = Paper((5,), {"GET /v5/ServiceInstance": reply(404)})
    with session_with(paper) as session:
        assert (session.rest, session.build) == (5, "")
    assert "GET /v5/Proxies" in paper.asked()


def test_a_server_of_v8_that_has_no_service_instance_is_not_one() -> None:
    paper = Paper((8,), {"GET /v8/ServiceInstance": [reply(401), reply(404)]})
    with pytest.raises(Missing):
        session_with(paper)


@pytest.mark.parametrize("status", [401, 403])
def test_something_in_front_that_answers_for_versions_that_are_not_there(status: int) -> None:
    """Its word for v8 and v7 is refuted by the token endpoint, which is not there."""
    answers = {f"GET /v{rest}/ServiceInstance": reply(status) for rest in (8, 7)}
    with session_with(Paper((6,), answers)) as session:
        assert session.rest == 6


def test_something_in_front_that_answers_401_to_everything() -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        session_with(lambda request: reply(401))
    assert "server.rest" in caught.value.hint


def test_something_in_front_that_shows_a_web_page_for_everything() -> None:
    with pytest.raises(BadAnswer) as caught:
        session_with(lambda request: reply(200, text="<html>Welcome</html>"))
    assert "a web page instead of JSON" in caught.value.reason
    assert "server.rest" in caught.value.hint


def test_something_in_front_that_redirects() -> None:
    with pytest.raises(BadAnswer) as caught:
        session_with(lambda request: httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}))
    assert "HTTP 302" in caught.value.reason


def test_the_version_can_be_said_where_the_probe_is_of_no_use() -> None:
    answers = {f"GET /v{rest}/ServiceInstance": reply(500) for rest in (8, 7)}
    paper = Paper((6,), answers)
    with pytest.raises(BadAnswer):
        session_with(paper)
    with session_with(paper, "v6") as session:
        assert session.rest == 6


def test_a_version_that_is_said_is_not_probed() -> None:
    paper = Paper()
    session_with(paper, "v6").close()
    assert paper.asked() == ["POST /v6/token", "GET /v6/ServiceInstance"]


def test_a_version_that_is_wanted_but_not_served_names_those_that_are() -> None:
    with pytest.raises(Missing) as caught:
        session_with(Paper((7, 6)), "v8")
    assert caught.value.reason == "v8 is not served: the server serves v7, v6"
    assert "server.rest: v7" in caught.value.hint


def test_no_version_at_all() -> None:
    with pytest.raises(Missing) as caught:
        session_with(Paper(()))
    assert caught.value.reason == "none of v8, v7, v6, v5 is served"
    with pytest.raises(Missing) as caught:
        session_with(Paper(()), "v8")
    assert "nor is any other supported version" in caught.value.reason


@pytest.mark.parametrize("rest", ["v9", "8.5", "newest"])
def test_a_version_that_nobody_knows(rest: str) -> None:
    with pytest.raises(Missing) as caught:
        session_with(Paper(), rest)
    assert rest in caught.value.reason


def test_a_server_that_is_busy_while_probed_is_asked_again() -> None:
    clock = Clock()
    paper = Paper((8,), {"GET /v8/ServiceInstance": [reply(503), reply(401), reply(200, {"version": BUILD})]})
    with session_with(paper, clock=clock) as session:
        assert session.rest == 8
    assert clock.slept == [0.5]


def test_a_server_that_stays_busy() -> None:
    clock = Clock()
    with pytest.raises(Unavailable):
        session_with(lambda request: reply(503), clock=clock)
    assert clock.slept == [0.5, 1.0]


def test_a_wrong_service_instance() -> None:
    with pytest.raises(BadAnswer):
        session_with(Paper((8,), {"GET /v8/ServiceInstance": [reply(401), reply(200, ["8.5"])]}))
