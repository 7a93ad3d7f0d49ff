"""Somebody changes the live world by hand, through REST: it shows as drift with before and after, and is mended."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from reconciler.cli.places import lab_folder
from reconciler.inventory import load
from reconciler.lab.lab import Lab
from tests.scenarios.rehearsal import Rehearsal


@contextmanager
def rest(demo: Rehearsal) -> Iterator[httpx.Client]:
    """A client that is none of ours, logged in to the lab's server."""
    inventory, _ = load(demo.file, look_at_files=False)
    assert inventory is not None
    folder = lab_folder(inventory.name, {"XDG_STATE_HOME": str(demo.folder / "state")})
    with Lab.open(inventory, folder) as lab:
        ends = lab.endpoints()
        context = ssl.create_default_context(cafile=ends["ca_file"])
        host = inventory.access.server.host
        with httpx.Client(base_url=f"{ends['url']}/v8/", verify=context, headers={"Host": host}) as client:
            client.request = _named(client.request, host)  # type: ignore[method-assign]
            form = {"grant_type": "password", "username": ends["username"], "password": ends["password"]}
            answer = client.request("POST", "token", data={**form, "disable_antiforgery_token": "true"})
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client


def _named(request: Any, host: str) -> Any:
    def send(method: str, url: str, **more: Any) -> httpx.Response:
        answer: httpx.Response = request(method, url, extensions={"sni_hostname": host}, **more)
        answer.raise_for_status()
        return answer

    return send


def by_name(client: httpx.Client, collection: str, key: str, value: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        item for item in client.request("GET", collection).json()["results"] if item[key] == value
    )
    return found


@pytest.mark.parametrize(
    ("collection", "key", "value", "body", "expected"),
    [
        (
            "Proxies",
            "hostName",
            "px-lon-1.corp.example.com",
            {"throttlingValue": 7},
            {"update:proxy.px-lon-1": {"throttle": ["7 Mbps", "100 Mbps"]}},
        ),
        (
            "BackupRepositories",
            "name",
            "fabrikam",
            {"retentionType": "ItemLevel", "retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Years2"},
            {"update:repository.fabrikam": {"retention.keep": ["2 years", "7 years"]}},
        ),
        ("Jobs", "name", "fabrikam-daily", {"description": "by hand"}, {}),
        (
            "VboEmailSettings",
            "",
            "",
            {"to": "somebody@else.example"},
            {"update:smtp": {"to": [["somebody@else.example"], ["backup-team@corp.example.com"]]}},
        ),
    ],
)
def test_a_change_by_hand_is_drift(
    demo: Rehearsal, collection: str, key: str, value: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    with rest(demo) as client:
        path = f"{collection}/{by_name(client, collection, key, value)['id']}" if key else collection
        client.request("PUT", path, json=body)
    plan = demo.plan()
    changes = [change for change in plan["changes"] if change["action"] != "run"]
    seen = {
        change["key"]: {item["path"]: [item["before"], item["after"]] for item in change["fields"]}
        for change in changes
    }
    assert seen == expected
    assert {item["cause"]["reason"] for change in changes for item in change["fields"]} <= {"drift"}
    demo.converges()


def test_what_somebody_else_adds_is_left_alone(demo: Rehearsal) -> None:
    with rest(demo) as client:
        proxy = by_name(client, "Proxies", "hostName", "px-lon-1.corp.example.com")["id"]
        body = {"name": "by-hand", "proxyId": proxy, "path": "E:\\x", "retentionType": "ItemLevel"}
        body |= {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Year1", "retentionFrequencyType": "Daily"}
        client.request("POST", "BackupRepositories", json=body)
    plan = demo.plan()
    assert plan["changes"] == []
    assert "by-hand" not in json.dumps(plan["changes"])
