"""Adoptions as a plan: of what is declared and not marked, and of nothing else."""

from __future__ import annotations

from typing import Any

from reconciler.model.plan import Action, Plan
from reconciler.model.recall import Identity, Recall
from reconciler.plan import plan_to_json
from reconciler.plan.adoption import adopting
from reconciler.plan.selection import select
from tests.plan.test_chain import LIVE, keys, proxy
from tests.plan.world import LOCAL, FakeReader, inventory, live, plan

WANTED: dict[str, Any] = {
    "proxy": {"px-1": {"type": "domain", "throttle": "100 Mbps"}, "px-2": {}, "px-3": {}, "px-9": {}},
    "pool": {"a": {"members": ["px-1", "px-2"]}},
    "organization": {"contoso.example.com": {}},
}
SERVER = {
    **LIVE,
    "Proxies": [
        proxy(1, proxyPoolId="pool-a", description="by hand"),
        proxy(2, proxyPoolId="pool-a", description="theirs [vbo-reconcile:other]"),
        proxy(3, description="ours [vbo-reconcile:corp]"),
        *LOCAL,
    ],
    "ProxyPools": [{"id": "pool-a", "name": "a", "description": ""}],
}


def made(*targets: str, recall: Recall | None = None, server: dict[str, Any] | None = None) -> Plan:
    wanted, reader = inventory(**WANTED), FakeReader({**SERVER, **(server or {})})
    found = live(wanted, reader, memory=recall.memory if recall else None)
    known = [str(where) for where in (*found.resources, *wanted.resources)]
    return select(adopting(plan(wanted, reader, recall=recall), wanted, found, targets), known, targets=targets)


def test_what_is_declared_and_not_marked_is_adopted_and_the_rest_is_not_selected() -> None:
    found = made()
    assert keys(found) == ["adopt:proxy.px-1", "adopt:proxy.px-2", "adopt:pool.a"]
    assert {change.action for change in found.changes} == {Action.ADOPT}
    assert [len(change.steps) for change in found.changes] == [1, 1, 1]
    assert {field.path for change in found.changes for field in change.fields} == {"description"}
    assert found.changes[0].fields[0].after == "by hand [vbo-reconcile:corp]"
    assert found.changes[1].fields[0].before == "theirs [vbo-reconcile:other]"
    assert {"create:proxy.px-9", "replace:proxy.px-1"} <= set(found.not_selected)
    assert plan_to_json(found)["counts"]["adopt"] == 3


def test_an_address_that_is_not_adopted_is_told_why() -> None:
    found = made("proxy.px-3", "proxy.px-9", "organization.contoso.example.com")
    assert keys(found) == []
    assert {item.address: item.detail for item in found.reports if item.code == "not-adopted"} == {
        "proxy.px-3": "not adopted: this inventory manages it already",
        "proxy.px-9": "not adopted: it is not on the server, and `apply` creates it",
        "organization.contoso.example.com": "not adopted: organizations have no owner",
    }


def test_an_object_whose_mark_was_removed_is_adopted_again() -> None:
    recall = Recall(identities={"proxy.px-1": Identity("p1", True)})
    found = made("proxy.px-1", recall=recall)
    assert found.changes[0].cause.detail == "created by this inventory, and its mark was removed"
    assert found.changes[0].steps[0].params == {"kind": "proxy", "name": "px-1", "id": "p1", "owner": ""}


def test_a_proxy_that_is_offline_is_blocked() -> None:
    found = made("proxy.px-1", server={"Proxies": [proxy(1, description="by hand", status="Offline"), *LOCAL]})
    assert "the proxy is offline" in found.changes[0].blocked
    assert found.changes[0].steps == ()
