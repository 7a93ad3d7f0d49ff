"""Arrays and pages: limits, offsets, pinned sets, links."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.server.world import SEED, Client, World


@pytest.fixture
def many(world: World) -> Client:
    """A client of v8 on a server with 75 organizations."""
    world.server.seed(
        type(SEED)(host="x", build="x", organizations={f"org-{n:02}.onmicrosoft.com": {} for n in range(72)})
    )
    return world.client()


def names(page: dict[str, Any]) -> list[str]:
    return [item["name"] for item in page["results"]]


def test_a_page_holds_thirty_unless_told_otherwise(many: Client) -> None:
    page = many.get("Organizations")
    assert (page["limit"], page["offset"], len(page["results"])) == (30, 0, 30)
    assert len(many.get("Organizations", limit=1000)["results"]) == 75


def test_pages_follow_each_other(many: Client) -> None:
    seen: list[str] = []
    while True:
        page = many.get("Organizations", limit=20, offset=len(seen))
        if not page["results"]:
            break
        seen += names(page)
    assert len(seen) == len(set(seen)) == 75
    assert "totalCount" not in page


def test_links_are_relative_and_lead_through_the_set(many: Client) -> None:
    page = many.get("Organizations", limit=40)
    assert set(page["_links"]) == {"self", "first", "next"}
    following = page["_links"]["next"]["href"]
    assert following.startswith("/v8/Organizations?limit=40&offset=40&setId=")
    answer = many.http.get(following, headers={"Authorization": f"Bearer {many.token}"}).json()
    assert set(answer["_links"]) == {"self", "first", "prev"}
    assert len(answer["results"]) == 35


def test_a_set_is_pinned(world: World, many: Client) -> None:
    page = many.get("Organizations", limit=50)
    world.server.seed(type(SEED)(host="x", build="x", organizations={"late.onmicrosoft.com": {}}))
    pinned = many.get("Organizations", limit=50, offset=50, setId=page["setId"])
    assert "late.onmicrosoft.com" not in names(pinned)
    assert "late.onmicrosoft.com" in names(many.get("Organizations", limit=50, offset=50))


def test_a_page_never_holds_more_than_the_cap(world: World, many: Client) -> None:
    assert many.get("Organizations", limit=1_000_000)["limit"] == 10_000
    world.option(page_cap=10)
    page = many.get("Organizations", limit=1_000_000)
    assert (page["limit"], len(page["results"])) == (10, 10)
    assert "next" in page["_links"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "many"}, {"offset": -1}])
def test_nonsense_is_refused(many: Client, query: dict[str, Any]) -> None:
    answer = many.send("GET", "Organizations", **query)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "ParameterValidationFailure"


@pytest.mark.parametrize("rest", [5, 6, 7])
def test_old_versions_give_the_whole_array(world: World, many: Client, rest: int) -> None:
    assert len(world.client(rest).get("Organizations", extendedView=False)) == 75


@pytest.mark.parametrize("rest", [6, 7])
def test_pages_of_old_versions_count(world: World, rest: int) -> None:
    assert world.client(rest).get("JobSessions")["totalCount"] == 0


def test_a_link_may_name_the_wrong_version(world: World, many: Client) -> None:
    world.fault(kind="wrong-next", version="v7")
    links = many.get("Organizations")["_links"]
    assert links["next"]["href"].startswith("/v7/")
    assert links["self"]["href"].startswith("/v8/")


def test_letter_case_of_paths_and_parameters_does_not_matter(many: Client) -> None:
    assert len(many.get("ORGANIZATIONS", LIMIT=3)["results"]) == 3
