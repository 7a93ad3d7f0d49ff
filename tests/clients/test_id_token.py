"""The ID token of GitHub Actions, as its documentation says that it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from reconciler.clients.http.id_token import github_token
from reconciler.model.errors import BadAnswer, Refused, RemoteError, Unreachable, UntrustedPeer

JOB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example.com/token?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "permit",
}
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    client = httpx.Client

    def set_up(answer: Answer) -> None:
        def opened(**options: Any) -> httpx.Client:
            assert (options["trust_env"], options["proxy"]) == (False, None)
            return client(transport=httpx.MockTransport(answer), timeout=options["timeout"])

        monkeypatch.setattr(httpx, "Client", opened)

    return set_up


@pytest.mark.parametrize(
    ("audience", "query"),
    [("", "api-version=2.0"), ("https://vault?", "api-version=2.0&audience=https%3A%2F%2Fvault%3F")],
)
def test_it_is_asked_for_with_the_permit_of_the_job(
    answers: Callable[[Answer], None], audience: str, query: str
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"value": "a.b.c"})

    answers(answer)
    assert github_token(audience, JOB) == "a.b.c"
    assert [request.url.query.decode() for request in asked] == [query]
    assert [request.headers["Authorization"] for request in asked] == ["Bearer permit"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(403), Refused),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example.com"}), Refused),
        (httpx.Response(200, text="<html>"), BadAnswer),
        (httpx.Response(200, json={}), BadAnswer),
        (httpx.Response(200, json=["a"]), BadAnswer),
    ],
)
def test_what_else_may_be_answered(
    answers: Callable[[Answer], None], answer: httpx.Response, error: type[RemoteError]
) -> None:
    answers(lambda request: answer)
    with pytest.raises(error) as caught:
        github_token("", JOB)
    assert "permit" not in str(caught.value)


def test_nothing_is_sent_without_tls_or_to_no_one(answers: Callable[[Answer], None]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    answers(answer)
    with pytest.raises(Unreachable):
        github_token("", JOB)
    with pytest.raises(UntrustedPeer, match="does not begin with https"):
        github_token("", {**JOB, "ACTIONS_ID_TOKEN_REQUEST_URL": "http://actions.example.com/token"})
    with pytest.raises(UntrustedPeer, match="is not a URL"):
        github_token("", {**JOB, "ACTIONS_ID_TOKEN_REQUEST_URL": "https://[::1/token"})
