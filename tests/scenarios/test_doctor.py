"""`doctor` in the lab: a world in order, everything wrong at once, a server that is away; never a writer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import reconciler.clients.vbo
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

SCHEMA = Path(__file__).parents[2] / "schemas" / "doctor.schema.json"
HOSTS = ("px-dmz-1", "px-dmz-2", "px-lnx-1", "px-lnx-2", "px-lon-1", "px-lon-2")


def refuse(*_args: object) -> None:
    raise AssertionError("doctor made a writer")


def examine(rehearsal: Rehearsal) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """Exit code, and the rows by subject and check."""
    from jsonschema import Draft202012Validator

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconciler.clients.vbo.Writer, "__init__", refuse)
        ended = rehearsal.run("doctor", "--lab", str(rehearsal.file), "--format", "json")
    found = json.loads(ended.out)
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(found)
    assert ended.code == (0 if found["ok"] else 1)
    assert found["ok"] is (found["counts"]["error"] == 0)
    rows = {(item["subject"], item["check"]): item for item in found["checks"]}
    assert len(rows) == len(found["checks"]), "a check is there twice"
    return ended.code, rows


def levels(rows: dict[tuple[str, str], dict[str, Any]], *wanted: str) -> dict[str, str]:
    return {f"{at} {check}": item["level"] for (at, check), item in rows.items() if item["level"] in wanted}


def test_a_world_in_order(demo: Rehearsal) -> None:
    code, rows = examine(demo)
    assert levels(rows, "error", "warning", "unknown") == {}
    assert code == 0
    for name in HOSTS:
        for check in (
            "name",
            "name-at-server",
            "connection",
            "identity",
            "login",
            "answer",
            "rights",
            "clock",
            "requirements",
        ):
            assert (f"host.{name}", check) in rows
        assert rows[f"proxy.{name}", "status"]["found"] == "Online"
    assert ("host.px-lon-1", "certificate") in rows
    assert ("host.px-lnx-1", "known-host") in rows
    assert rows["server", "answer"]["found"] == "REST v8, build 8.5.0.1014"
    assert "6 proxies" not in rows["server.powershell", "answer"]["found"]  # the local one counts too
    assert "days left" in rows["certificate.dmz-2026", "expiry"]["found"]
    text = demo.run("doctor", "--lab", str(demo.file)).out
    assert text == demo.run("doctor", "--lab", str(demo.file)).out
    assert "This is the lab" in text
    assert text.splitlines()[-1] == f"Check-up: {len(rows)} passed."
    assert demo.plan()["changes"] == []


def test_ports_that_a_firewall_closes(demo: Rehearsal) -> None:
    """On the way from the server to a proxy, and from the proxies to the server."""
    demo.set("px-lon-1", "blocked=445")
    demo.set("px-dmz-1", "firewall=closed")
    demo.set("vbo01.corp.example.com", "blocked=9191,5432")
    code, rows = examine(demo)
    windows = [name for name in HOSTS if "lnx" not in name]
    assert code == 1, "the server does not reach a proxy any more"
    assert rows["host.px-lon-1", "port-445-from-server"]["level"] == "warning"
    assert rows["host.px-dmz-1", "port-9193-from-server"]["level"] == "warning"
    assert "where it listens" in rows["host.px-dmz-1", "port-9193-from-server"]["found"]
    for name in windows:
        assert rows[f"host.{name}", "port-9191-from-proxy"]["level"] == "warning"
        assert rows[f"host.{name}", "port-5432-from-proxy"]["level"] == "unknown"
        assert rows[f"host.{name}", "port-4222-from-proxy"]["level"] == "ok"


def test_everything_wrong_at_once(demo: Rehearsal) -> None:
    for target, switch in (
        ("px-dmz-1", "power=off"),
        ("px-lon-2", "certificate=expired"),
        ("px-lon-1", "wrong-password=yes"),
        ("px-lnx-1", "host-key=changed"),
        ("px-lnx-2", "service=stopped"),
        ("px-dmz-2", "clock=600"),
        ("px-dmz-2", "reboot=pending"),
        ("px-dmz-2", "mail=blocked"),
        ("px-dmz-2", "admin=no"),
        ("px-lnx-2", "mail=blocked"),
    ):
        demo.set(target, switch)
    code, rows = examine(demo)
    assert code == 1
    assert levels(rows, "error") == {
        "host.px-dmz-1 connection": "error",
        "host.px-lon-2 identity": "error",
        "host.px-lon-1 login": "error",
        "host.px-lnx-1 identity": "error",
        "host.px-dmz-2 rights": "error",
        "proxy.px-dmz-1 status": "error",
        "proxy.px-lnx-2 status": "error",
    }
    assert set(levels(rows, "warning")) == {
        "host.px-dmz-1 port-445-from-server",
        "host.px-dmz-2 clock",
        "host.px-dmz-2 mail",
        "host.px-dmz-2 reboot",
        "host.px-lnx-2 mail",
        "proxy.px-lnx-2 service-stopped",
    }
    assert {at for at, level in levels(rows, "unknown").items() if at.startswith("host.px-dmz-1")} == {
        "host.px-dmz-1 identity",
        "host.px-dmz-1 login",
        "host.px-dmz-1 answer",
        "host.px-dmz-1 port-9193-from-server",
    }
    assert rows["host.px-lon-2", "identity"]["found"].endswith("certificate has expired")
    for item in rows.values():
        assert bool(item["fix"]) is (item["level"] in ("error", "warning")), item
    plan = demo.plan()
    assert {(item["address"], item["code"], item["level"]) for item in plan["reports"]} == {
        ("host.px-dmz-2", "host-mail", "warning"),
        ("host.px-dmz-2", "host-reboot", "warning"),
        ("host.px-lnx-2", "host-mail", "warning"),
        ("proxy.px-lnx-2", "service-stopped", "warning"),
    }
    assert plan["changes"] == []


@pytest.mark.parametrize(
    ("switch", "broken"),
    [
        ("power=off", {"server.powershell connection"}),
        ("wrong-password=yes", {"server.powershell login"}),
        ('faults=[{"kind": "status", "status": 401, "path": "token"}]', {"server login"}),
        ('faults=[{"kind": "status", "status": 403, "path": "Jobs"}]', {"server rights"}),
    ],
)
def test_a_server_in_trouble_stops_no_other_check(demo: Rehearsal, switch: str, broken: set[str]) -> None:
    demo.set("server", switch)
    code, rows = examine(demo)
    assert code == 1
    assert {at for at in levels(rows, "error") if at.startswith("server")} == broken
    assert all(rows[f"host.{name}", "answer"]["level"] == "ok" for name in HOSTS)


def test_before_the_first_apply_it_says_what_apply_would_change(tmp_path: Path) -> None:
    from tests.scenarios.rehearsal import INVENTORIES

    fresh = Rehearsal.of(tmp_path / "fresh", INVENTORIES / "demo.yml")
    code, rows = examine(fresh)
    assert code == 0
    assert rows["host.px-dmz-1", "firewall"]["fix"] == "`vbo-reconcile apply` changes it."
    assert rows["proxy.px-lon-1", "status"]["found"].startswith("not registered yet")
    fresh.converges()


def test_the_checklist_needs_no_inventory(demo: Rehearsal) -> None:
    ended = demo.run("doctor", "--checklist")
    assert ended.code == 0
    assert "never run on a real" in " ".join(ended.out.split())
    assert demo.run("doctor").code == 64


def test_without_the_lab_what_cannot_be_reached_is_said_row_by_row(demo: Rehearsal) -> None:
    """No secret, no file, no name resolves: every row is made all the same."""
    demo.replace("host: vbo01.corp.example.com", "host: vbo01.invalid")
    text = demo.file.read_text("utf-8")
    for domain in ("corp.example.com", "example.net"):
        for name in HOSTS:
            text = text.replace(f"host: {name}.{domain}", f"host: {name}.invalid")
    demo.file.write_text(text, encoding="utf-8")
    ended = demo.run("doctor", str(demo.file), "--format", "json")
    assert ended.code == 1
    broken = {
        f"{item['subject']} {item['check']}" for item in json.loads(ended.out)["checks"] if item["level"] == "error"
    }
    assert {"server name", "host.px-lon-1 name", "host.px-lnx-1 known-host", "certificate.dmz-2026 expiry"} <= broken
    assert "credential.vbo-admin password" in broken
