"""Servers that answer in small pages, are restored with other ids, or change while they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.importing.run import contents, findings, importing
from tests.importing.small import all_of, small_server
from tests.promises.server import LabServer, Transport

pytestmark = pytest.mark.matrix

VERSIONS = (5, 8)


def imported(server: LabServer, out: Path) -> dict[str, bytes]:
    with server.session() as session, importing(session, out) as run:
        made = run()
    assert made.plan.changes == ()
    assert findings(out) == []
    return contents(out)


@pytest.mark.parametrize("rest", VERSIONS)
def test_small_pages_give_the_same_files(rest: int, tmp_path: Path) -> None:
    server = small_server(rest)
    whole = imported(server, tmp_path / "whole")
    server.state["options"]["page_cap"] = 1
    assert imported(server, tmp_path / "pages") == whole


@pytest.mark.parametrize("rest", VERSIONS)
def test_a_restored_server_has_other_ids_and_the_same_inventory(rest: int, tmp_path: Path) -> None:
    server, out = small_server(rest), tmp_path / "out"
    with server.session() as session, importing(session, out) as run:
        run()
        before = contents(out)["corp.yml"]
        text = re.sub("00000000-0000-(?=0000-0000)", "10000000-0000-", json.dumps(server.state))
        server.state.clear()
        server.state.update(json.loads(text))
        again = run()
    assert again.plan.changes == ()
    assert contents(out)["corp.yml"] == before


@dataclass
class Moving(Transport):
    """Changes the server before it answers the first GET whose path ends with `path`."""

    path: str = ""
    change: Callable[[], object] = bool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.path and request.method == "GET" and request.url.path.endswith(self.path):
            self.path = ""
            self.change()
        return super().handle_request(request)


def moving(rest: int, path: str, change: Callable[[LabServer], object]) -> LabServer:
    server = small_server(rest)
    server.transport = Moving(server.transport.dispatcher, path=path, change=lambda: change(server))
    return server


def without(kind: str, name: str) -> Callable[[LabServer], object]:
    return lambda server: [server.state[kind].pop(item["id"]) for item in all_of(server, kind, name)]


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [("/Jobs", "repositories", "repo-1"), ("/Jobs", "jobs", "job-1"), ("/SelectedItems", "jobs", "job-1")],
)
def test_what_is_deleted_meanwhile_costs_itself_only(path: str, kind: str, name: str, tmp_path: Path) -> None:
    text = imported(moving(8, path, without(kind, name)), tmp_path / "out")["corp.yml"].decode()
    assert "contoso-job-0: {name: job-0, organization: contoso.example.com, repository: repo-0" in text
