"""What commands cost: Windows hosts are counted where they listen, requests where the server answers them."""

from __future__ import annotations

import json
import socket
from collections import Counter

import pytest

from reconciler.lab.hosts.wsman import Endpoint
from reconciler.lab.hosts.wsman.engine import Caller, Engine
from reconciler.lab.lab import Lab
from reconciler.lab.server.api import Api
from reconciler.model.connection import none_direct
from tests.scenarios.rehearsal import Rehearsal

HOSTS = ("px-lon-1.corp.example.com", "px-lon-2.corp.example.com", "px-dmz-1.example.net", "px-dmz-2.example.net")
SERVER = "vbo01.corp.example.com"
TIMES = dict.fromkeys(("created", "expires", "digest"))


def test_a_plan_that_changes_nothing_visits_each_host_once(demo: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: Counter[str] = Counter()
    requests: Counter[tuple[str, str]] = Counter()
    serve, handle = Endpoint.serve, Engine.handle

    def connected(self: Endpoint, connection: socket.socket) -> None:
        connections[self.computer] += 1
        serve(self, connection)

    def asked(self: Engine, raw: bytes, caller: Caller) -> tuple[int, bytes]:
        before = self.counts.copy()
        answer = handle(self, raw, caller)
        requests.update((self.machine, verb) for verb in self.counts - before)
        return answer

    monkeypatch.setattr(Endpoint, "serve", connected)
    monkeypatch.setattr(Engine, "handle", asked)
    without = demo.plan()
    assert connections == Counter([SERVER])  # hosts of this process are read without a network
    connections.clear()
    requests.clear()
    monkeypatch.setattr(Lab, "direct", staticmethod(none_direct))
    plan = demo.plan()
    assert {**plan, **TIMES} == {**without, **TIMES}
    assert (plan["changes"], plan["code"]) == ([], 0)
    assert connections == Counter([*HOSTS, SERVER])
    for host in HOSTS:
        machine = host.partition(".")[0].upper()
        shown = {verb: count for (name, verb), count in requests.items() if name == machine}
        assert shown == dict.fromkeys(("Create", "Command", "Send", "Receive", "Signal", "Delete"), 1)
    assert requests["VBO01", "Create"] == requests["VBO01", "Delete"] == 1


ITEMS = "/Jobs/{jobId}/SelectedItems"
DECLARED = 4
"""The jobs of the demo that declare a list of items."""


@pytest.mark.matrix
def test_items_are_read_of_the_jobs_whose_items_a_command_compares(
    demo: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    count = Api.count

    def counted(self: Api, method: str, template: str, status: int, *, login: bool = False) -> None:
        asked[template[3:]] += method == "GET"
        count(self, method, template, status, login=login)

    monkeypatch.setattr(Api, "count", counted)
    expected = {
        ("plan",): DECLARED,
        ("plan", "--target", "job.contoso-mail"): 1,
        ("plan", "--target", "proxy.px-lon-1"): 0,
        ("plan", "--exclude", "job.contoso-mail"): DECLARED - 1,
        ("drift", "--target", "proxy.*"): 0,
        ("explain", "proxy.px-lon-1"): 0,
        ("jobs", "list"): 0,
        ("jobs", "run", "contoso-mail"): 0,
        ("smtp", "test"): 0,
        ("doctor",): 0,
    }
    found = {}
    for command in expected:
        asked.clear()
        ended = demo.run(*command, "--lab", str(demo.file))
        assert ended.code == 0, (command, ended.out, ended.err)
        found[command] = asked[ITEMS]
    assert found == expected


@pytest.mark.matrix
def test_a_selected_change_that_depends_on_another_job_has_all_of_it(demo: Rehearsal) -> None:
    """A job that leaves a repository that is deleted is planned with its items, although it is not the target."""
    demo.replace("  contoso-files: {proxy: px-dmz-1, path: 'D:\\VBO\\contoso-files'}\n", "")
    demo.replace("repository: contoso-files", "repository: contoso-mail")
    demo.replace("items: [onedrive, sites, teams]", "items: [onedrive, sites]")
    demo.replace("proxies: [px-lon-1, px-dmz-1]", "proxies: [px-lon-1]")
    ended = demo.run("plan", "--lab", str(demo.file), "--target", "repository.contoso-files", "--format", "json")
    changes = {
        change["key"]: {item["path"] for item in change["fields"]} for change in json.loads(ended.out)["changes"]
    }
    assert changes["update:job.contoso-files"] == {"repository", "items"}, ended.err
