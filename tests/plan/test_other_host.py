"""A proxy to be deleted and one to be created that may be one machine: neither is done until the inventory says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.model.plan import Plan
from reconciler.model.recall import Identity, Recall
from tests.plan.test_chain import proxy
from tests.plan.world import LOCAL, FakeReader, inventory, plan


def made(declared: str, there: str, known: Mapping[str, str] | None = None) -> Plan:
    """`known` are ids by the addresses of the last apply."""
    ours = {**proxy(1), "hostName": there, "description": "[vbo-reconcile:corp]"}
    wanted = inventory(proxy={"px": {"host": declared, "os": "windows", "type": "workgroup"}})
    identities = {where: Identity(ident, ours=True) for where, ident in (known or {}).items()}
    recall = Recall(applied={where: {} for where in identities}, identities=identities)
    return plan(wanted, FakeReader({"Proxies": [ours, *LOCAL]}), recall=recall)


def taken_for_one(found: Plan) -> bool:
    reported = any(item.code == "other-host" for item in found.reports)
    (create,) = [change for change in found.changes if change.key == "create:proxy.px"]
    assert ("may be the same machine" in create.blocked) is reported
    return reported


@pytest.mark.parametrize(
    ("declared", "there", "one"),
    [
        ("px.new.example.com", "px.old.example.com", True),
        ("PX.new.example.com", "px.old.example.com", True),
        ("px.example.com", "px-2.example.com", False),
        ("px.example.com", "pxx.example.com", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("px.example.com", "192.0.2.2", False),
        ("192.0.2.1", "px.example.com", False),
    ],
)
def test_hosts_with_the_same_short_name_may_be_one_machine(declared: str, there: str, one: bool) -> None:
    assert taken_for_one(made(declared, there)) is one


@pytest.mark.parametrize(
    ("known", "one"),
    [
        ({"proxy.px": "p1"}, True),
        ({"proxy.other": "p1"}, False),
        ({"proxy.other": "p1", "proxy.px": "p9"}, False),
        ({"proxy.px": "p9"}, False),
    ],
)
def test_what_had_the_address_at_the_last_apply_may_be_the_machine(known: dict[str, str], one: bool) -> None:
    assert taken_for_one(made("elsewhere.example.com", "px-7.example.com", known)) is one


def test_two_that_were_applied_as_two_are_two() -> None:
    known = {"proxy.other": "p1", "proxy.px": "p9"}
    assert not taken_for_one(made("px.new.example.com", "px.old.example.com", known))


def test_the_report_has_the_lines_for_both() -> None:
    (report,) = [item for item in made("px.new.example.com", "px.old.example.com").reports if item.code == "other-host"]
    assert report.fix.splitlines() == [
        "If it is the same machine, declare the name that it is registered by:",
        "  host: px.old.example.com",
        "If it is another one, declare the old one absent until it is removed:",
        "  px-old: {host: px.old.example.com, os: windows, type: workgroup, state: absent}",
    ]
    assert report.position is not None
    assert report.position.line == 11
