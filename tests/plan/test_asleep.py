"""Proxies that declare `sleep: allowed`: while they are off, what would change or needs them waits, and is no error."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.live import HostFacts, Live
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.plan.drift import drift_of
from reconciler.plan.job_runs import PENDING
from reconciler.plan.planner import make_plan
from reconciler.requirements import NO_REQUIREMENTS
from tests.plan.test_chain import proxy
from tests.plan.test_chain import world as chain
from tests.plan.test_repository_upgrades import OLD, late
from tests.plan.world import FakeReader, live

OFF = {"status": "Offline", "version": None}
SLEEPS = {"sleep": "allowed"}


def lost(code: str, name: str) -> Diagnostic:
    return Diagnostic(code, "No connection", f"{name} does not answer", address=f"host.{name}")


def asleep(*names: str, code: str = "unreachable") -> dict[str, HostFacts]:
    return {name: HostFacts(name, {}, lost(code, name)) for name in names}


def made(wanted: Inventory, seen: Live, recall: Recall | None = None) -> Plan:
    return make_plan(wanted, seen, recall or Recall(), access=wanted.access, playbooks=NO_REQUIREMENTS)


def pooled(reader: FakeReader, *off: str, **fields: Any) -> Plan:
    """The chain whose pool has px-1 and px-2, of which px-2 may sleep."""
    wanted = declared(**fields)
    return made(wanted, live(wanted, reader, asleep(*off)))


def declared(*names: str, **fields: Any) -> Inventory:
    wanted: Inventory = chain()
    sleepers = {
        where: item._replace(fields={**item.fields, **SLEEPS, **fields})
        for where, item in wanted.resources.items()
        if item.name in (names or ("px-2",)) and item.kind == "proxy"
    }
    return replace(wanted, resources={**wanted.resources, **sleepers})


def texts(plan: Plan) -> dict[str, str]:
    return {f"{item.code} {item.address}": item.detail for item in plan.reports}


def members(build: str, **second: Any) -> FakeReader:
    return late(
        proxy(1, proxyPoolId="pool-a", version=build),
        proxy(2, proxyPoolId="pool-a", **{"version": build, **second}),
        proxy(3, proxyPoolId="pool-b"),
    )


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (OFF, ""),
        ({**OFF, "maintenanceModeState": "Enabled"}, ""),
        ({"version": OLD}, ", though the server shows it online"),
    ],
)
def test_one_that_is_off_is_skipped_and_listed_by_name(state: dict[str, Any], seen: str) -> None:
    plan = pooled(members(OLD, **state), "px-2")
    assert not plan.has_errors
    assert [change.key for change in plan.changes if change.address == "proxy.px-2"] == []
    assert plan.problems == ()
    assert [item.address for item in plan.unknown if "px-2" in item.address] == []
    assert texts(plan)["asleep proxy.px-2"].startswith(
        f"asleep (`sleep: allowed`): its host does not answer{seen}; nothing is observed"
    )
    assert not drift_of(plan, [], date(2027, 1, 1)).has_errors


def test_one_that_is_on_again_is_upgraded() -> None:
    plan = pooled(members(OLD))
    assert {"upgrade:proxy.px-1", "upgrade:proxy.px-2"} <= {change.key for change in plan.changes}
    assert not any(item.code == "asleep" for item in plan.reports)


def test_without_the_word_one_that_is_off_is_an_error() -> None:
    assert pooled(members(OLD, **OFF), "px-2", sleep="never").has_errors


def test_a_login_that_is_refused_is_an_error_because_its_host_is_on() -> None:
    wanted = declared()
    assert made(wanted, live(wanted, members(OLD), asleep("px-2", code="authentication"))).has_errors


def test_what_waits_is_named() -> None:
    plan = pooled(members(OLD, **OFF, description="other"), "px-2", description="mine")
    assert "update:proxy.px-2" in plan.asleep
    assert "waiting: update (description)" in texts(plan)["asleep proxy.px-2"]


def test_a_member_that_is_off_without_maintenance_mode_keeps_its_pool_waiting() -> None:
    assert "its pool waits for it" in texts(pooled(members(OLD, **OFF), "px-2"))["asleep proxy.px-2"]
    kept = pooled(members(OLD, **OFF), "px-2")
    assert kept.asleep == ("run:job.daily", "upgrade:repository.cloud")
    assert "upgrade:proxy.px-1" in [change.key for change in kept.changes]
    resting = pooled(members(OLD, **OFF, maintenanceModeState="Enabled"), "px-2")
    assert "its pool waits" not in texts(resting)["asleep proxy.px-2"]
    assert resting.asleep == ()


def test_the_repository_and_the_jobs_of_a_pool_that_sleeps_wait_too() -> None:
    off = {**OFF, "proxyPoolId": "pool-a"}
    wanted = declared("px-1", "px-2")
    seen = live(wanted, late(proxy(1, **off), proxy(2, **off), proxy(3, proxyPoolId="pool-b")), asleep("px-1", "px-2"))
    recall = Recall(applied={Address("job.daily"): {PENDING: "pending"}})
    plan = made(wanted, seen, recall)
    assert (plan.changes, plan.has_errors) == ((), False)
    assert plan.asleep == ("run:job.daily", "upgrade:repository.cloud")
    assert texts(plan)["waits-for-asleep repository.cloud"] == "upgrade: waits for px-1, px-2, which are asleep"
    assert texts(plan)["waits-for-asleep job.daily"] == "run: waits for px-1, px-2, which are asleep"
