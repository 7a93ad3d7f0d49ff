"""The server's word against the host's: what is reported, and what is left alone because one of them is silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import HostFacts
from reconciler.model.plan import Plan, ReportLevel
from reconciler.package_data import playbooks_folder
from reconciler.plan import plan_to_json
from reconciler.render import renderer
from reconciler.render.style import Style
from reconciler.requirements import load
from tests.hosts.documents import document
from tests.plan.world import FakeReader, inventory, plan

RUNNING = {"installed": True, "version": "8.5.0.1014", "state": "running", "start": "automatic", "listening": True}
GOOD = {
    "service": RUNNING,
    "domain": {"member": True, "name": "corp.example.com"},
    "host": {"name": "PX-1", "fqdn": "px-1.corp.example.com"},
}
REST = {
    "id": "1",
    "type": "Domain",
    "hostName": "px-1.corp.example.com",
    "fqdn": "px-1.corp.example.com",
    "port": 9193,
    "status": "Online",
    "version": "8.5.0.1014",
}


def planned(facts: Mapping[str, Any], rest: Mapping[str, Any], **fields: Any) -> Plan:
    wanted = inventory(proxy={"px-1": {"host": "px-1.corp.example.com", "type": "domain", **fields}})
    reader = FakeReader({"Proxies": [{**REST, **rest}]})
    return plan(wanted, reader, hosts={"px-1": HostFacts("px-1", {**GOOD, **facts})})


def service(**changes: Any) -> dict[str, Any]:
    return {"service": {**RUNNING, **changes}}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "both planes agree": ({}, {}, []),
    "online, and stopped on the host": (service(state="stopped", listening=False), {}, ["service-stopped"]),
    "offline, because it is stopped": (service(state="failed"), {"status": "Offline"}, ["service-stopped"]),
    "registered, and not installed": (
        service(installed=False, state="missing", version=None, listening=False),
        {},
        ["service-not-installed"],
    ),
    "offline, and running": ({}, {"status": "Offline"}, ["proxy-not-reached"]),
    "running without a listener": (service(listening=False), {}, ["service-not-listening"]),
    "another port was asked about": (service(listening=False), {"port": 9500}, []),
    "the file is older": (service(version="8.4.0.77"), {}, ["version-differs"]),
    "the file is newer": (service(version="8.6.0.1"), {}, ["version-differs"]),
    "a package says more than a build": (service(version="8.5.0.1014-1"), {}, []),
    "the host has no version": (service(version=None), {}, []),
    "the server has no version": ({}, {"version": None}, []),
    "a version that is none": (service(version="newest"), {}, []),
    "domain proxy, host left the domain": ({"domain": {"member": False, "name": ""}}, {}, ["domain-membership"]),
    "domain proxy, membership unknown": ({"domain": {"member": None, "name": ""}}, {}, []),
    "workgroup proxy in no domain": ({"domain": {"member": False, "name": ""}}, {"type": "Workgroup"}, []),
    "another machine answers": ({"host": {"fqdn": "px-7.corp.example.com"}}, {}, ["host-name-differs"]),
    "the host does not know its domain": ({"host": {"fqdn": "px-1"}}, {}, []),
    "registered by address": ({}, {"fqdn": "10.0.0.7"}, []),
    "registered by an address of IPv6": ({}, {"fqdn": "fe80::1"}, []),
    "the host reports an address": ({"host": {"fqdn": "fe80::1"}}, {}, []),
    "the host says nothing": ({"service": None, "domain": None, "host": None}, {"status": "Offline"}, []),
    "three at once": (
        {**service(state="stopped", version="8.4.0.77"), "domain": {"member": False}},
        {},
        ["domain-membership", "service-stopped", "version-differs"],
    ),
}


@pytest.mark.parametrize(("facts", "rest", "codes"), CASES.values(), ids=CASES)
def test_disagreements(facts: dict[str, Any], rest: dict[str, Any], codes: list[str]) -> None:
    found = planned(facts, rest).reports
    assert [item.code for item in found] == codes
    for item in found:
        assert item.address == "proxy.px-1"
        assert item.level is ReportLevel.WARNING
        assert item.fix
        assert item.position is not None


def test_each_says_both_words() -> None:
    (stopped,) = planned(service(state="stopped"), {}).reports
    assert stopped.detail == "the server reports Online, but the service on the host is stopped"
    assert "Start-Service Veeam.Archiver.Proxy" in stopped.fix
    (stopped,) = planned(service(state="stopped"), {"type": "Workgroup"}, os="linux").reports
    assert "systemctl enable --now Veeam.Archiver.Proxy" in stopped.fix
    (older,) = planned(service(version="8.4.0.77"), {}).reports
    assert older.detail == "the server reports version 8.5.0.1014, but the host has 8.4.0.77"
    assert "upgrade the proxy again" in older.fix
    (newer,) = planned(service(version="8.6.0.1"), {}).reports
    assert "rescan" in newer.fix


def test_a_host_that_could_not_be_asked_is_unknown_and_no_report() -> None:
    wanted = inventory(proxy={"px-1": {"host": "px-1.corp.example.com", "type": "domain"}})
    hosts = {"px-1": HostFacts("px-1", {}, Diagnostic("unreachable", "No connection", "It is off."))}
    made = plan(wanted, FakeReader({"Proxies": [REST]}), hosts=hosts)
    assert made.reports == ()
    assert {(item.address, item.path) for item in made.unknown} == {("host.px-1", "*")}


def test_advice_of_the_playbook_is_reported_and_changes_nothing() -> None:
    wanted = inventory(proxy={"px-1": {"host": "px-1.corp.example.com", "type": "domain"}})
    facts = document("windows", {"reboot": {"pending": True, "reasons": ["windows-update"]}, "service": RUNNING})
    made = plan(
        wanted,
        FakeReader({"Proxies": [{**REST, "description": None}]}),
        hosts={"px-1": HostFacts("px-1", {**facts, "clock": {"minutes_off": 0}})},
        playbooks=load(playbooks_folder()),
    )
    assert [(item.address, item.code) for item in made.reports] == [("host.px-1", "host-reboot")]
    assert made.reports[0].detail.startswith("reboot is yes (required: no): An installer may refuse")
    assert "host.px-1" not in {change.address for change in made.changes}
    text = renderer("human")(plan_to_json(made), Style())
    assert "  i host.px-1: reboot is yes" in text
    assert "      Restart the host in a maintenance window." in text


@pytest.mark.parametrize(
    ("facts", "status"),
    [(service(state="stopped"), "Online"), (service(listening=False), "Online"), ({}, "Offline")],
)
def test_a_service_that_maintenance_mode_disables_is_expected(facts: dict[str, Any], status: str) -> None:
    found = planned(facts, {"status": status, "maintenanceModeState": "Enabled"}).reports
    assert [item.code for item in found] == ["in-maintenance"]
