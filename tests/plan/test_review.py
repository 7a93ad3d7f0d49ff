"""Which changes a review caused, and the commits behind causes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.inventory import Inventory, Resource
from reconciler.model.secret import SecretRef
from reconciler.plan.review import lines_of, touched, with_base, with_commits


def change(key: str, reason: str = "inventory", line: int = 0, after: tuple[str, ...] = ()) -> dict[str, Any]:
    position = {"file": "corp.yml", "line": line, "column": 1} if line else None
    cause = {"reason": reason, "detail": "", "position": position}
    field = {"path": "x", "before": 1, "after": 2, "secret": False, "unknown": False, "cause": cause}
    address = key.partition(":")[2]
    return {"key": key, "address": address, "cause": cause, "fields": [field], "depends_on": list(after)}


def document(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"format_version": "1.0", "changes": list(changes), "reports": []}


def introduced(answer: Mapping[str, Any]) -> dict[str, bool]:
    return {item["key"]: item["introduced"] for item in answer["changes"]}


BASE = {"revision": "main", "commit": "0" * 40}


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["proxy.a"], {"update:proxy.a": True, "update:host.a": True, "update:proxy.b": False, "run:job.j": True}),
        (["proxy.b"], {"update:proxy.a": False, "update:host.a": False, "update:proxy.b": True, "run:job.j": False}),
        (["job.j"], {"update:proxy.a": False, "update:host.a": False, "update:proxy.b": False, "run:job.j": True}),
        (["*"], {"update:proxy.a": True, "update:host.a": True, "update:proxy.b": True, "run:job.j": True}),
        ([], {"update:proxy.a": False, "update:host.a": False, "update:proxy.b": False, "run:job.j": False}),
    ],
)
def test_what_follows_from_a_touched_object_is_caused_too(
    addresses: Collection[str], expected: dict[str, bool]
) -> None:
    plan = document(
        change("update:proxy.a"),
        change("update:host.a"),
        change("update:proxy.b", after=("update:proxy.a",)),
        change("run:job.j", "chain", after=("update:proxy.a",)),
    )
    answer = with_base(plan, BASE, addresses)
    assert introduced(answer) == expected
    assert {**answer, "changes": []} == {**document(), "base": BASE}


def test_causes_get_the_commit_of_their_line() -> None:
    asked: list[tuple[str, set[int]]] = []

    def commits(file: str, lines: Collection[int]) -> dict[int, str]:
        asked.append((file, set(lines)))
        return {3: "c" * 40}

    plan = document(change("update:proxy.a", line=3), change("update:proxy.b", line=4), change("delete:proxy.c"))
    answer = with_commits(plan, commits)
    assert asked == [("corp.yml", {3, 4})]
    assert [item["cause"].get("commit") for item in answer["changes"]] == ["c" * 40, None, None]
    assert answer["changes"][0]["fields"][0]["cause"]["commit"] == "c" * 40
    assert {**answer, "changes": []} == document()
    assert lines_of(plan) == {"corp.yml": {3, 4}}
    assert "commit" not in plan["changes"][0]["cause"]


def declared(base: Inventory, **throttles: str) -> Inventory:
    found = [
        Resource("proxy", name, {"host": name, "throttle": value, "credentials": "admin"})
        for name, value in throttles.items()
    ]
    return replace(base, resources={item.address: item for item in found})


def test_what_a_review_touched() -> None:
    from tests.cli.running import ACCESS, LOGIN, inventory

    old = declared(inventory(), same="1 Mbps", changed="1 Mbps", gone="1 Mbps")
    new = declared(inventory(), same="1 Mbps", changed="2 Mbps", added="1 Mbps")
    assert touched(old, new) == {"proxy.changed", "proxy.gone", "proxy.added"}
    assert touched(old, old) == frozenset()
    assert "*" in touched(None, new)

    login = replace(LOGIN, password=SecretRef("env", "ANOTHER"))
    assert touched(old, replace(old, access=replace(ACCESS, credentials={"admin": login}))) == set(old.resources)
    elsewhere = replace(old, access=replace(ACCESS, server=replace(ACCESS.server, host="vbo02.corp.example.com")))
    assert "*" in touched(old, elsewhere)
