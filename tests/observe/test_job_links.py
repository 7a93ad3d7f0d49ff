"""Up to v7 a job names its organization by a link only. Where it has none, they are asked for their jobs."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest

from reconciler.model.errors import Refused
from reconciler.observe.chain import link_jobs

ORGANIZATIONS = [{"id": "o-1"}, {"id": "o-2"}, {"name": "without an id"}]
LINKED = {"id": "J-1", "name": "a", "_links": {"organization": {"href": "/v7/Organizations/o-9"}}}
UNLINKED = {"id": "J-2", "name": "b"}


class Server:
    """`listed` are the jobs of organizations; another organization is refused."""

    def __init__(self, rest: int, **listed: list[str]) -> None:
        self.rest, self.listed, self.asked = rest, listed, list[str]()

    def list(self, path: str) -> list[dict[str, Any]]:
        self.asked.append(path)
        _, organization, _ = path.split("/")
        if organization.replace("-", "_") not in self.listed:
            raise Refused("vbo", f"GET {path}", "no", status=500)
        return [{"id": ident} for ident in self.listed[organization.replace("-", "_")]]


def linked(server: Server, *jobs: dict[str, Any]) -> list[Any]:
    read = copy.deepcopy(list(jobs))
    link_jobs(cast("Any", server), read, ORGANIZATIONS)
    return [job["organizationId"] for job in read]


@pytest.mark.parametrize("rest", [5, 6, 7])
def test_the_organizations_are_asked_only_for_a_job_without_a_link(rest: int) -> None:
    server = Server(rest, o_1=[], o_2=["j-2"])
    assert linked(server, LINKED) == ["o-9"]
    assert server.asked == []
    assert linked(server, LINKED, UNLINKED) == ["o-9", "o-2"]
    assert server.asked == ["Organizations/o-1/Jobs", "Organizations/o-2/Jobs"]


def test_a_job_that_two_organizations_or_none_list_stays_unknown() -> None:
    assert linked(Server(7, o_1=["J-2"], o_2=["J-2"]), UNLINKED) == [None]
    assert linked(Server(7, o_1=[], o_2=[]), UNLINKED) == [None]


def test_an_organization_that_is_refused_names_none() -> None:
    assert linked(Server(7, o_2=["J-2"]), UNLINKED) == ["o-2"]


def test_v8_has_no_such_lists() -> None:
    server = Server(8)
    assert linked(server, UNLINKED) == [None]
    assert server.asked == []
