"""Reading: arrays and pages, views, filters, and what is tried again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest

from reconciler.clients.vbo import Reader, reader
from reconciler.model.connection import Deadlines
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Missing,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
)

from .world import Clock, Paper, query_of, reply, session_with


def items(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"id-{number}", "name": f"n{number}"} for number in range(start, start + count)]


class Shelf:
    """A paged collection. `cap` is what the server sends at most, whatever it is asked for; `links` is how it reports
    that there is more: with `next`, without any links, or with a `next` that names another version."""

    def __init__(self, count: int, cap: int = 10_000, links: str = "next") -> None:
        self.items = items(count)
        self.cap = cap
        self.links = links
        self.queries: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(query_of(request))
        self.queries.append(query)
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 30))
        results = self.items[offset : offset + min(limit, self.cap)]
        page: dict[str, Any] = {"offset": offset, "limit": limit, "setId": "x", "results": results}
        if self.links != "none":
            version = "v7" if self.links == "wrong version" else "v8"
            links = {"self": {"href": f"/{version}/Proxies"}}
            if offset + len(results) < len(self.items):
                links["next"] = {"href": f"/{version}/Proxies?offset={offset + len(results)}"}
            page["_links"] = links
        return reply(200, page)


def listed(answer: Any, path: str = "Proxies", rest: str = "v8", **query: Any) -> tuple[list[dict[str, Any]], Paper]:
    paper = Paper(answers={f"GET /{rest}/{path}": answer})
    with session_with(paper, rest) as session:
        return Reader(session).list(path, **query), paper


def test_ten_thousand_items_cost_one_request() -> None:
    shelf = Shelf(10_000)
    found, _ = listed(shelf)
    assert found == shelf.items
    assert shelf.queries == [{"limit": "10000", "offset": "0"}]


@pytest.mark.parametrize("links", ["next", "none", "wrong version"])
@pytest.mark.parametrize(("count", "cap"), [(0, 10), (1, 10), (10, 10), (25, 10), (30, 10), (101, 100)])
def test_a_server_that_sends_less_than_it_is_asked_for(count: int, cap: int, links: str) -> None:
    shelf = Shelf(count, cap, links)
    found, paper = listed(shelf)
    assert found == shelf.items
    offsets = [int(query["offset"]) for query in shelf.queries]
    assert offsets[0] == 0
    assert all(later - sooner <= cap for sooner, later in pairwise(offsets))
    assert {request.url.path.split("/")[1] for request in paper.requests} == {"v8"}


def test_without_links_only_an_empty_page_ends_a_list() -> None:
    shelf = Shelf(30, 10, "none")
    listed(shelf)
    assert [query["offset"] for query in shelf.queries] == ["0", "10", "20", "30"]


def test_with_links_the_last_page_is_known() -> None:
    shelf = Shelf(30, 10)
    listed(shelf)
    assert [query["offset"] for query in shelf.queries] == ["0", "10", "20"]


@pytest.mark.parametrize("rest", ["v6", "v7"])
def test_older_versions_send_an_array_and_are_not_asked_for_pages(rest: str) -> None:
    found, paper = listed(reply(200, items(40)), rest=rest)
    assert found == items(40)
    asked = [request for request in paper.requests if request.url.path.endswith("/Proxies")]
    assert [query_of(request) for request in asked] == [{"extendedView": "true"}]


def test_sessions_are_pages_in_every_version() -> None:
    for rest in ("v5", "v6", "v7", "v8"):
        shelf = Shelf(45, 30)
        found, _ = listed(shelf, "JobSessions", rest)
        assert found == shelf.items
        assert len(shelf.queries) == 2


def test_a_page_where_an_array_was_expected_is_read_to_its_end() -> None:
    shelf = Shelf(45)
    found, _ = listed(shelf, "CopyJobs", "v5")
    assert found == shelf.items
    assert shelf.queries == [{}, {"limit": "10000", "offset": "30"}]


def test_an_array_where_pages_were_expected_is_complete() -> None:
    found, paper = listed(reply(200, items(40)))
    assert found == items(40)
    assert paper.asked().count("GET /v8/Proxies") == 1


def test_filters_are_passed_on_and_views_can_be_chosen() -> None:
    _, paper = listed(Shelf(1), "BackupRepositories", proxyId="px", longTerm=False, organizationId=None)
    assert query_of(paper.requests[-2]) == {
        "proxyId": "px",
        "longTerm": "false",
        "limit": "10000",
        "offset": "0",
    }
    _, paper = listed(reply(200, []), rest="v6", extendedView=False)
    assert query_of(paper.requests[-1]) == {"extendedView": "false"}
    _, paper = listed(reply(200, []), "Organizations", "v6")
    assert query_of(paper.requests[-1]) == {"extendedView": "false"}


def test_items_that_move_between_pages_while_they_are_read_are_listed_once() -> None:
    pages = [
        reply(200, {"offset": 0, "results": items(3), "_links": {"next": {"href": "x"}}}),
        reply(200, {"offset": 3, "results": items(3, 2), "_links": {}}),
    ]
    found, _ = listed(pages)
    assert found == items(5)


def test_a_server_that_ignores_the_offset_does_not_keep_us_busy_for_ever() -> None:
    page = {"results": items(3), "_links": {"next": {"href": "x"}}}
    with pytest.raises(BadAnswer) as caught:
        listed(reply(200, page))
    assert "repeats an earlier one" in caught.value.reason


def test_a_list_that_does_not_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MOST", 100)
    shelf = Shelf(10_000, 30)
    with pytest.raises(BadAnswer, match="the list does not end: 120 items were read"):
        listed(shelf, most=10_000)
    assert len(shelf.queries) == 4


@pytest.mark.parametrize(("cap", "limit", "requests"), [(10_000, "25", 1), (10, "25", 3)])
def test_the_first_items_of_a_long_list(cap: int, limit: str, requests: int) -> None:
    shelf = Shelf(10_000, cap)
    found, _ = listed(shelf, "JobSessions/s/LogItems", most=25, type="Error")
    assert found == shelf.items[:25]
    assert [query["limit"] for query in shelf.queries] == [limit] * requests


def test_the_first_items_of_an_array() -> None:
    assert listed(reply(200, items(40)), rest="v6", most=25)[0] == items(25)


def test_a_page_that_was_not_asked_for() -> None:
    page = {"offset": 0, "results": items(3), "_links": {"next": {"href": "x"}}}
    with pytest.raises(BadAnswer) as caught:
        listed(reply(200, page))
    assert "offset 0 instead of 3" in caught.value.reason


def test_an_offset_may_be_a_number_as_text() -> None:
    found, _ = listed(reply(200, {"offset": "0", "results": items(3), "_links": {}}))
    assert found == items(3)


@pytest.mark.parametrize("document", [{"items": []}, {"results": {}}, {"results": ["x"]}, ["x"], "x", 7])
def test_what_is_neither_a_page_nor_a_list(document: Any) -> None:
    with pytest.raises(BadAnswer):
        listed(reply(200, document))


@pytest.mark.parametrize("document", [{"items": []}, ["x"], "x", 7])
def test_what_is_no_array(document: Any) -> None:
    with pytest.raises(BadAnswer):
        listed(reply(200, document), rest="v6")


def test_values_that_the_documents_do_not_know_come_through() -> None:
    odd = [{"id": 7, "status": "Levitating", "port": "9193", "new": {"deep": [None]}}]
    assert listed(reply(200, {"results": odd, "_links": {}}))[0] == odd


@pytest.mark.parametrize(
    "failure",
    [
        reply(503),
        reply(429),
        reply(502, text="<html>Bad Gateway</html>"),
        reply(504),
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.ReadTimeout("x"),
    ],
    ids=str,
)
def test_a_get_is_tried_again_after_a_failure_that_may_pass(failure: Any) -> None:
    clock = Clock()
    paper = Paper(answers={"GET /v8/Proxies/1": [failure, failure, reply(200, {"id": "1"})]})
    with session_with(paper, clock=clock) as session:
        assert Reader(session).get("Proxies/1") == {"id": "1"}
        assert session.requests["GET"] == 5
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (reply(503), Unavailable),
        (httpx.ConnectError("x"), Unreachable),
        (httpx.ReadError("x"), ConnectionLost),
        (httpx.ReadTimeout("x"), DeadlineExceeded),
    ],
)
def test_but_not_for_ever(failure: Any, kind: type[RemoteError]) -> None:
    paper = Paper(answers={"GET /v8/Proxies/1": failure})
    with session_with(paper) as session, pytest.raises(kind):
        Reader(session).get("Proxies/1")
    assert paper.asked().count("GET /v8/Proxies/1") == 3


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(reply(500, {"message": "no"}), Refused), (reply(404), Missing), (reply(200, text="<html>"), BadAnswer)],
)
def test_what_would_fail_again_is_not_repeated(failure: Any, kind: type[RemoteError]) -> None:
    paper = Paper(answers={"GET /v8/Proxies/1": failure})
    with session_with(paper) as session, pytest.raises(kind):
        Reader(session).get("Proxies/1")
    assert paper.asked().count("GET /v8/Proxies/1") == 1


def test_a_failure_that_took_long_is_not_repeated() -> None:
    clock = Clock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 9.8
        raise httpx.ConnectTimeout("x")

    paper = Paper(answers={"GET /v8/Proxies/1": slow})
    with session_with(paper, clock=clock) as session, pytest.raises(Unreachable):
        Reader(session).get("Proxies/1")
    assert paper.asked().count("GET /v8/Proxies/1") == 1


def test_attempts_share_the_deadline_of_the_call() -> None:
    clock = Clock()
    left: list[float] = []

    def slow(request: httpx.Request) -> httpx.Response:
        left.append(request.extensions["timeout"]["read"])
        clock.now += 4
        raise httpx.ReadError("x")

    paper = Paper(answers={"GET /v8/Proxies/1": slow})
    with session_with(paper, clock=clock) as session, pytest.raises(ConnectionLost):
        Reader(session).get("Proxies/1")
    assert left == [60, 55.5, 50.5]


def test_no_attempt_is_begun_that_the_deadline_would_cut_off() -> None:
    clock = Clock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 0.8
        raise httpx.ReadError("x")

    paper = Paper(answers={"GET /v8/Proxies/1": slow})
    with session_with(paper, clock=clock, deadlines=Deadlines(connect=10, call=1)) as session:
        with pytest.raises(ConnectionLost):
            Reader(session).get("Proxies/1")
        assert paper.asked().count("GET /v8/Proxies/1") == 1


def test_a_reader_knows_the_version_and_the_build() -> None:
    with session_with(Paper()) as session:
        reader = Reader(session)
        assert (reader.rest, reader.build) == (session.rest, session.build)
        assert reader.installation == session.installation
        assert reader.requests == session.requests == {"GET": 2, "LOGIN": 1}


def test_a_reader_cannot_write_and_a_writer_cannot_read() -> None:
    from reconciler.clients.vbo import Writer

    def verbs(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert verbs(Reader) == {"clock_ahead", "get", "list", "outages", "requests"}
    assert verbs(Writer) == {"act", "check", "create", "delete", "replace"}
    paper = Paper(answers={"GET /v8/Proxies/1": reply(200, {})})
    with session_with(paper) as session:
        held = vars(Reader(session)).values()
        assert session not in held
        assert session.write not in held
