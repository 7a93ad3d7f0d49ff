"""Proxies are drained before they are upgraded and given back afterwards, also after a killed apply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.apply.steps import RUN, StepFailed
from tests.length import length
from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

MEMBER = "px-lnx-1.example.net"


def maintenance(demo: Rehearsal) -> str:
    with by_hand(demo) as hand:
        return str(hand.by_name("Proxies", "hostName", MEMBER)["maintenanceModeState"])


def failing(name: str) -> Any:
    """The step that upgrades proxies, but for one."""
    upgrade = RUN["proxy.upgrade"]

    def do(context: Any, step: Any, report: Any) -> Any:
        if step.name == name:
            raise StepFailed("the installer said no")
        return upgrade(context, step, report)

    return do


def upgrades(demo: Rehearsal) -> dict[str, list[str]]:
    return {
        change["address"]: [step["verb"] for step in change["steps"]]
        for change in demo.plan()["changes"]
        if change["action"] == "upgrade"
    }


def test_the_plan_shows_how_each_proxy_is_drained(demo: Rehearsal) -> None:
    demo.set("server", "build=8.6.0.100")
    found = upgrades(demo)
    around = ["maintenance.on", "proxy.upgrade", "proxy.verify", "maintenance.off", "proxy.verify"]
    assert found["proxy.px-lnx-1"] == found["proxy.px-lnx-2"] == around
    assert found["proxy.px-lon-1"] == ["sessions.wait", "proxy.upgrade", "proxy.verify"]


def test_an_apply_that_was_killed_leaves_a_drain_that_the_next_one_undoes(
    demo: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.set("server", "build=8.6.0.100")

    with monkeypatch.context() as patched:
        patched.setitem(RUN, "proxy.upgrade", failing("px-lnx-1"))
        patched.setattr("reconciler.apply.engine.left_open", lambda steps, failed: [])
        assert demo.apply("--waive", "coverage=one proxy each").code == 3
    assert maintenance(demo) == "Enabled"
    found = demo.changes()
    assert found["update:proxy.px-lnx-1"] == {"maintenance": [True, False]}
    assert demo.apply("--waive", "coverage=one proxy each").code == 0
    assert maintenance(demo) == "Disabled"
    assert demo.plan()["changes"] == []


def test_a_proxy_that_fails_is_given_back(demo: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    demo.set("server", "build=8.6.0.100")

    with monkeypatch.context() as patched:
        patched.setitem(RUN, "proxy.upgrade", failing("px-lnx-1"))
        assert demo.apply("--waive", "coverage=one proxy each").code == 3
    assert maintenance(demo) == "Disabled"
    assert "update:proxy.px-lnx-1" not in demo.changes()
    assert demo.apply("--waive", "coverage=one proxy each").code == 0
    assert demo.plan()["changes"] == []


def test_maintenance_that_somebody_else_wants_is_left_alone(demo: Rehearsal) -> None:
    with by_hand(demo) as hand:
        proxy = hand.by_name("Proxies", "hostName", MEMBER)["id"]
        hand.request("POST", f"Proxies/{proxy}/maintenance/enable", json=account(demo))
    plan = demo.plan()
    assert plan["changes"] == []
    assert [(item["address"], item["code"]) for item in plan["reports"]] == [("proxy.px-lnx-1", "in-maintenance")]
    demo.set("server", "build=8.6.0.100")
    assert upgrades(demo)["proxy.px-lnx-1"] == ["proxy.upgrade", "proxy.verify"]


def account(demo: Rehearsal, name: str = "linux-admin") -> dict[str, Any]:
    """The login of the host, as a person would send it."""
    import base64

    from reconciler.inventory import load
    from reconciler.lab.lab import Lab
    from reconciler.operations.paths import lab_folder

    inventory, _ = load(demo.file, look_at_files=False)
    assert inventory is not None
    with Lab.open(inventory, lab_folder(inventory.name, {"XDG_STATE_HOME": str(demo.folder / "state")})) as lab:
        credential = inventory.access.credentials[name]
        assert credential.private_key is not None
        key = lab.resolver.resolve(credential.private_key).reveal()
    login = {"account": credential.username, "privateKeyBase64": base64.b64encode(key.encode()).decode()}
    return {"sshSettings": {**login, "elevateAccountToRoot": True, "ignoreFingerprintCheck": True}}


def test_a_proxy_that_does_not_come_back_stops_the_rest(demo: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """px-dmz-1 is the canary: its upgrade succeeds, and then its service never answers again."""
    monkeypatch.setattr("reconciler.apply.health._GRACE", length(10.0, 60.0))
    demo.set("px-dmz-1", "upgrade=breaks")
    demo.set("server", "build=8.6.0.100")
    ended = demo.run(
        *("apply", "--lab", str(demo.file), "--auto-approve", "--waive", "coverage=one proxy each", "--format", "json")
    )
    assert ended.code == 3
    answer = json.loads(ended.out)
    ends = {
        item["key"]: (item["outcome"], item["detail"])
        for item in answer["outcomes"]
        if item["key"].startswith("upgrade:proxy.")
    }
    assert ends.pop("upgrade:proxy.px-dmz-1") == ("failed", "px-dmz-1 failed verification: it is Offline")
    assert len(ends) == 5
    assert set(ends.values()) == {("not started", "an earlier batch failed: proxy.px-dmz-1 failed")}
    demo.set("px-dmz-1", "upgrade=works")
    assert demo.apply("--waive", "coverage=one proxy each").code == 0
    assert demo.plan()["changes"] == []


def test_the_lab_tells_how_many_proxies_worked_for_each_organization(demo: Rehearsal) -> None:
    demo.set("server", "build=8.6.0.100")
    assert demo.apply("--waive", "coverage=one proxy each").code == 0
    status = json.loads(demo.run("lab", "status", str(demo.file), "--format", "json").out)
    least = {name: found["least"] for name, found in status["coverage"]["organizations"].items()}
    assert least["fabrikam.example.com"] == 0  # it has one proxy only
    assert least["contoso.example.com"] >= 1
    assert least["northwind.example.net"] >= 1
    assert {item["organization"] for item in status["coverage"]["lost"]} == {"fabrikam.example.com"}
