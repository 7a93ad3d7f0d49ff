"""Hosts that are off, logins refused, keys and certificates that are others: each says so, the rest goes on."""

from __future__ import annotations

import json

import pytest

from reconciler.lab.lab import Lab
from reconciler.operations.inventory_loader import read_inventory
from reconciler.operations.paths import lab_folder
from tests.scenarios.rehearsal import Rehearsal


@pytest.mark.matrix
def test_a_host_that_is_off_makes_unknowns_and_never_changes(demo: Rehearsal) -> None:
    demo.set("px-lon-1", "power=off")
    plan = demo.plan()
    assert plan["changes"] == []
    assert plan["code"] == 1
    assert [item["code"] for item in plan["problems"]] == ["unreachable"]
    assert {item["address"] for item in plan["unknown"]} >= {"host.px-lon-1"}
    text = demo.run("plan", "--lab", str(demo.file)).out
    assert "?" in text
    demo.set("px-lon-1", "power=on")
    assert demo.plan()["code"] == 0


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ("wrong-password=yes", "authentication"),
        ("host-key=changed", "untrusted-peer"),
    ],
)
def test_trouble_with_a_linux_host_is_named(demo: Rehearsal, switch: str, code: str) -> None:
    demo.set("px-lnx-1", switch)
    plan = demo.plan()
    assert [(item["address"], item["code"]) for item in plan["problems"]] == [("host.px-lnx-1", code)]
    assert (plan["changes"], plan["code"]) == ([], 1)


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ("wrong-password=yes", "authentication"),
        ("certificate=expired", "untrusted-peer"),
    ],
)
def test_trouble_with_a_windows_host_is_named(demo: Rehearsal, switch: str, code: str) -> None:
    demo.set("px-lon-2", switch)
    plan = demo.plan()
    assert [(item["address"], item["code"]) for item in plan["problems"]] == [("host.px-lon-2", code)]
    assert (plan["changes"], plan["code"]) == ([], 1)


@pytest.mark.matrix
def test_a_server_that_has_not_noticed_that_a_host_is_back_is_asked_to_look_again(demo: Rehearsal) -> None:
    """It calls the proxy offline until it checks again, and changes nothing of a proxy that is offline."""
    folder = lab_folder("demo", {"XDG_STATE_HOME": str(demo.folder / "state")})
    state = json.loads((folder / "server.json").read_text(encoding="utf-8"))
    state["options"] = {"presence_seconds": 3600}
    (folder / "server.json").write_text(json.dumps(state), encoding="utf-8")
    wanted, _ = read_inventory(demo.file, lab=True)
    assert wanted
    demo.replace("throttle: 100 Mbps", "throttle: 20 MB/s")
    with Lab.open(wanted, folder) as lab:
        lab.set("px-lon-1", "power", "off")
        assert demo.plan()["code"] == 1
        lab.set("px-lon-1", "power", "on")
        plan = demo.plan()
        blocked = {change["address"] for change in plan["changes"] if change["blocked"]}
        assert "proxy.px-lon-1" in blocked
        assert "proxy-not-reached" in [item["code"] for item in plan["reports"]]
        ended = demo.apply()
        assert ended.code == 0, ended.out + ended.err
        assert "Rescanning proxies whose hosts and server do not agree: px-lon-1 ..." in ended.err
        assert "none that writes" in ended.out
        assert demo.changes() == {}


@pytest.mark.matrix
def test_a_recipient_that_the_mail_server_refuses_is_named_with_the_result_of_the_job(demo: Rehearsal) -> None:
    demo.replace("to: [backup-team@corp.example.com]", "to: [backup-team@corp.example.com, gone@corp.example.com]")
    demo.converges()
    demo.set("smtp", "refuse=gone@corp.example.com")
    ended = demo.run("jobs", "run", "contoso-mail", str(demo.file), "--lab")
    assert ended.code == 0
    assert "could not be sent from px-lon-1.corp.example.com to gone@corp.example.com: 550 5.1.1" in ended.out
    tested = demo.run("smtp", "test", str(demo.file), "--lab")
    assert tested.code == 1
    assert "RCPT TO:<gone@corp.example.com>" in tested.err
    demo.set("smtp", "accept=gone@corp.example.com")
    assert demo.run("smtp", "test", str(demo.file), "--lab").code == 0
