"""The picture as data: what is declared, what works on what, and what a plan says of it."""

from __future__ import annotations

from typing import Any

from reconciler.plan.document import plan_to_json
from reconciler.plan.topology import STATES, of_changes, topology
from tests.plan.world import BUILD, FakeReader, inventory, plan
from tests.render_review.worlds import document, fleet_plan

PROXY = {"type": "Workgroup", "status": "Online", "version": BUILD, "proxyPoolId": None}
LIVE: dict[str, Any] = {
    "Proxies": [
        {**PROXY, "id": "p1", "hostName": "px-1", "port": 9193, "proxyPoolId": "pool"},
        {**PROXY, "id": "p2", "hostName": "px-2", "type": "Domain", "description": "[vbo-reconcile:corp]"},
    ],
    "ProxyPools": [{"id": "pool", "name": "cloud", "description": ""}],
    "Organizations": [{"id": "o", "name": "contoso.example.com"}],
    "BackupRepositories": [
        {"id": "r", "name": "old", "proxyId": "p2", "path": "C:\\x", "description": "[vbo-reconcile:corp]"}
    ],
    "Jobs": [],
}


def small() -> tuple[Any, Any]:
    wanted = inventory(
        proxy={"px-1": {"type": "workgroup", "port": 9199}, "px-3": {"type": "workgroup"}},
        pool={"cloud": {"members": ["px-1"]}},
        repository={"disk": {"owner": "proxy.px-3"}},
        organization={"contoso.example.com": {}},
        job={"daily": {"organization": "contoso.example.com", "repository": "disk", "items": "all", "run": "never"}},
    )
    return wanted, plan(wanted, FakeReader(LIVE))


def states(picture: dict[str, Any]) -> dict[str, str]:
    return {node["address"]: node["state"] for node in picture["nodes"]}


def test_every_object_has_the_weightiest_state() -> None:
    assert states(topology(*small())) == {
        "server": "unchanged",
        "job.daily": "create",
        "organization.contoso.example.com": "unchanged",
        "pool.cloud": "unchanged",
        "proxy.px-1": "update",
        "proxy.px-2": "delete",
        "proxy.px-3": "create",
        "repository.disk": "create",
        "repository.old": "delete",
    }


def test_edges_go_from_the_server_to_the_organizations() -> None:
    assert topology(*small())["edges"] == [
        ["job.daily", "organization.contoso.example.com"],
        ["pool.cloud", "proxy.px-1"],
        ["proxy.px-2", "repository.old"],
        ["proxy.px-3", "repository.disk"],
        ["repository.disk", "job.daily"],
        ["server", "pool.cloud"],
        ["server", "proxy.px-2"],
        ["server", "proxy.px-3"],
    ]


def test_labels_are_names() -> None:
    labels = {node["address"]: node["label"] for node in topology(*small())["nodes"]}
    assert labels["server"] == "vbo01.corp.example.com"
    assert labels["organization.contoso.example.com"] == "contoso.example.com"


def test_the_json_form_gives_the_same_picture() -> None:
    wanted, made = fleet_plan()
    assert topology(wanted, made) == topology(wanted, plan_to_json(made))


def test_a_host_counts_as_its_proxy_and_problems_and_unknowns_are_marked() -> None:
    found = states(document()["topology"])
    assert not [where for where in found if where.startswith("host.")]
    assert found["proxy.px-07.corp.example.com"] == "problem"
    assert found["proxy.px-04.corp.example.com"] == "unknown"
    assert found["job.tailspin-1-daily"] == "blocked"
    assert set(found.values()) <= set(STATES)


def test_a_warning_marks_nothing() -> None:
    base = document()
    warning = {**base["problems"][0], "severity": "warning", "address": "proxy.px-09.corp.example.com"}
    lone = {**base, "problems": [warning], "unknown": [], "changes": []}
    assert states(of_changes(lone)) == {"server": "unchanged"}


def test_without_the_inventory_it_holds_what_the_plan_mentions() -> None:
    _, made = small()
    picture = of_changes(plan_to_json(made))
    assert set(states(picture)) == {
        "server",
        "job.daily",
        "proxy.px-1",
        "proxy.px-2",
        "proxy.px-3",
        "repository.disk",
        "repository.old",
    }
    assert ["proxy.px-3", "repository.disk"] in picture["edges"]
    assert ["proxy.px-2", "repository.old"] in picture["edges"]


def test_a_repository_whose_owner_is_not_shown_stands_alone() -> None:
    _, made = fleet_plan()
    picture = of_changes(plan_to_json(made))
    ends = {end for _, end in picture["edges"]}
    assert "repository.tailspin-1-store" in states(picture)
    assert "repository.tailspin-1-store" not in ends
