"""The gate after each batch: what was changed is well, or the next batch is not begun."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply import ApplyContext, RolloutLimits, ServerHealth, apply
from reconciler.apply.engine import Result
from reconciler.apply.steps import RUN
from reconciler.model.errors import Refused, Unreachable
from reconciler.model.live import ServerInfo
from reconciler.model.plan import Action, Cause, Change, ChangeKey, FieldChange, Plan, Reason
from reconciler.model.state import ProxyState, Status
from reconciler.model.steps import ClearMaintenance, RunJob
from reconciler.plan.organization_coverage import Coverage
from tests.apply.fakes import HOST, FakeServer, fake_context

NEW, OLD = "8.6.0.100", "8.5.0.1014"


class FakeContext:
    def __init__(self) -> None:
        self.stop = threading.Event()


class Seen:
    """A look at a world where `sick` proxies are unhealthy after they were changed, and `working` ones work."""

    def __init__(self, sick: str = "", working: Callable[[], frozenset[str]] | None = None) -> None:
        self.sick, self.working, self.asked = sick, working, list[list[str]]()

    def coverage(self, known: Coverage) -> Coverage | None:
        if self.working is None:
            return known
        seen = {name: ProxyState(Status.ONLINE) for name in self.working()}
        return known.observed(seen, NEW)

    def unhealthy(self, changes: Sequence[Change]) -> dict[ChangeKey, str]:
        self.asked.append([change.address.removeprefix("proxy.") for change in changes])
        return {change.key: "it is Offline" for change in changes if change.address[-1] in self.sick}


def upgrade(name: str) -> Change:
    fields = (FieldChange("service.version", OLD, NEW),)
    return Change(f"proxy.{name}", Action.UPGRADE, fields, Cause(Reason.DRIFT), (RunJob(name=name),))


def job(name: str, *proxies: str) -> Change:
    needs = tuple(f"upgrade:proxy.{proxy}" for proxy in proxies)
    return Change(f"job.{name}", Action.RUN, (), Cause(Reason.CHAIN), (RunJob(name=name),), needs)


def run(health: Seen, *changes: Change, batch: str = "1", limits: RolloutLimits | None = None) -> Result:
    plan = Plan("corp", "", ServerInfo(HOST, 8, NEW), changes, batch=batch)
    return apply(plan, cast(ApplyContext, FakeContext()), limits=limits, health=health)


def ends(result: Result) -> dict[str, str]:
    return {end.address: end.outcome.value for end in result.outcomes.values()}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names whose change fails."""
    names: set[str] = set()

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        if step.name in names:
            raise Refused("host", "doing it", "no")

    monkeypatch.setitem(RUN, "job.run", do)
    return names


@pytest.mark.usefixtures("broken")
def test_each_batch_is_looked_at_before_the_next_and_the_last_one_at_the_end() -> None:
    look = Seen()
    assert not run(look, upgrade("a"), upgrade("b"), upgrade("c"), batch="1,100%").failed
    assert look.asked == [["a"], ["b", "c"]]


@pytest.mark.usefixtures("broken")
def test_a_proxy_that_does_not_come_back_stops_the_next_batch_and_says_why() -> None:
    result = run(Seen("a"), upgrade("a"), upgrade("b"), upgrade("c"))
    assert ends(result) == {"proxy.a": "done", "proxy.b": "not started", "proxy.c": "not started"}
    reason = "an earlier batch failed: proxy.a: it is Offline"
    assert result.outcomes["upgrade:proxy.b"].detail == reason
    assert result.unhealthy == {"upgrade:proxy.a": "it is Offline"}
    assert result.failed


@pytest.mark.usefixtures("broken")
def test_the_last_batch_fails_the_run_too() -> None:
    result = run(Seen("b"), upgrade("a"), upgrade("b"))
    assert ends(result) == {"proxy.a": "done", "proxy.b": "done"}
    assert result.failed


def test_a_failed_change_stops_the_next_batch_unless_failures_are_allowed(broken: set[str]) -> None:
    broken.add("a")
    assert ends(run(Seen(), upgrade("a"), upgrade("b"))) == {"proxy.a": "failed", "proxy.b": "not started"}
    allowed = run(Seen(), upgrade("a"), upgrade("b"), limits=RolloutLimits(max_failures=2))
    assert ends(allowed) == {"proxy.a": "failed", "proxy.b": "done"}


@pytest.mark.usefixtures("broken")
def test_what_is_not_well_counts_as_a_failure() -> None:
    limits = RolloutLimits(max_failures=2)
    result = run(Seen("ab"), upgrade("a"), upgrade("b"), upgrade("c"), limits=limits)
    assert ends(result) == {"proxy.a": "done", "proxy.b": "done", "proxy.c": "not started"}
    assert result.outcomes["upgrade:proxy.c"].detail == "2 changes failed, the maximum"


def test_the_sessions_that_follow_from_a_batch_belong_to_it(broken: set[str]) -> None:
    broken.add("daily")
    result = run(Seen(), upgrade("a"), upgrade("b"), job("daily", "a"), job("nightly", "b"))
    assert ends(result) == {
        "proxy.a": "done",
        "job.daily": "failed",
        "proxy.b": "not started",
        "job.nightly": "not started",
    }
    assert result.outcomes["upgrade:proxy.b"].detail == "an earlier batch failed: job.daily failed"


def test_the_sessions_of_a_later_batch_belong_to_it(broken: set[str]) -> None:
    broken.add("nightly")
    result = run(Seen(), upgrade("a"), upgrade("b"), upgrade("c"), job("nightly", "b"), job("daily"))
    assert ends(result) == {
        "proxy.a": "done",
        "proxy.b": "done",
        "job.nightly": "failed",
        "proxy.c": "not started",
        "job.daily": "done",
    }
    assert result.outcomes["upgrade:proxy.c"].detail == "an earlier batch failed: job.nightly failed"


def test_who_works_is_looked_at_again_before_each_start(broken: set[str]) -> None:
    """b and c serve one organization; c dies while a is upgraded, so b is left alone."""
    working = {"a", "b", "c"}

    class Dying(Seen):
        def unhealthy(self, changes: Sequence[Change]) -> dict[ChangeKey, str]:
            working.discard("c")
            return {}

    serving = {"one": frozenset("bc")}
    of_proxy = {"b": frozenset({"one"}), "c": frozenset({"one"})}
    limits = RolloutLimits(coverage=Coverage(serving, frozenset(working), 1, of_proxy))
    result = run(Dying(working=lambda: frozenset(working)), upgrade("a"), upgrade("b"), limits=limits)
    assert ends(result) == {"proxy.a": "done", "proxy.b": "skipped"}
    assert result.outcomes["upgrade:proxy.b"].detail == "one would have too few working proxies during it"


class TestLook:
    """The real one, through REST."""

    def gate(self, *proxies: dict[str, Any]) -> tuple[ServerHealth, FakeServer]:
        return health_of(*proxies)

    @pytest.mark.parametrize(
        ("seen", "problem"),
        [
            ({"status": "Online", "version": NEW}, ""),
            ({"status": "Online", "version": None}, ""),
            ({"status": "Online", "version": "8.7.0.1"}, ""),
            ({"status": "Online", "version": OLD}, f"it has version {OLD}, not {NEW}"),
            ({"status": "Offline"}, "it is Offline"),
            ({"status": "Online", "version": NEW, "maintenanceModeState": "Enabled"}, ""),
        ],
    )
    def test_what_was_changed_is_well(self, seen: dict[str, Any], problem: str) -> None:
        gate, server = self.gate({"hostName": "a", **seen}, {"hostName": "b", "status": "Offline"})
        assert gate.unhealthy([upgrade("a")]) == ({"upgrade:proxy.a": problem} if problem else {})
        assert server.acts == [("Proxies", "Rescan", {"proxies": [{"id": "id-a"}]})]

    def test_what_was_drained_is_back(self) -> None:
        gate, _ = self.gate({"hostName": "a", "status": "Online", "maintenanceModeState": "Enabled"})
        drained = Change(
            "proxy.a",
            Action.UPGRADE,
            (),
            Cause(Reason.DRIFT),
            (ClearMaintenance(name="a", host="a", os="windows", credentials=""),),
        )
        assert gate.unhealthy([drained]) == {"upgrade:proxy.a": "it is still in maintenance mode"}

    def test_nothing_is_asked_where_nothing_was_changed(self) -> None:
        gate, server = self.gate({"hostName": "a", "status": "Online"})
        assert gate.unhealthy([]) == {}
        assert server.acts == []

    def test_who_works_now(self) -> None:
        gate, _ = self.gate(
            {"hostName": "a", "status": "Online"},
            {"hostName": "b", "status": "Offline"},
            {"hostName": "c", "status": "Online", "maintenanceModeState": "Enabling"},
        )
        seen = gate.coverage(Coverage({}, frozenset("abc")))
        assert seen is not None
        assert (seen.working, seen.resting) == (frozenset("a"), frozenset("c"))

    def test_a_server_that_does_not_answer_is_no_reason_to_go_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gate, server = self.gate({"hostName": "a", "status": "Online"})

        def dead(path: str, **query: Any) -> list[dict[str, Any]]:
            raise Unreachable(HOST, "GET Proxies", "no route")

        monkeypatch.setattr(server, "list", dead)
        assert gate.coverage(Coverage({}, frozenset())) is None
        assert gate.unhealthy([upgrade("a")]) == {"upgrade:proxy.a": "the server does not report its state (no route)"}


def test_without_an_answer_nothing_is_disrupted(broken: set[str]) -> None:
    class Blind(Seen):
        def coverage(self, known: Coverage) -> Coverage | None:
            return None

    result = run(Blind(), upgrade("a"))
    assert ends(result) == {"proxy.a": "skipped"}
    assert result.outcomes["upgrade:proxy.a"].detail == (
        "the server does not report which proxies work, so some organizations would have too few working proxies"
        " during it"
    )


CLEAR = ClearMaintenance(name="px-1", host="px-1", os="windows", credentials="local")


def health_of(*proxies: dict[str, Any]) -> tuple[ServerHealth, FakeServer]:
    server = FakeServer({}, {"Proxies": [{"id": f"id-{raw['hostName']}", **raw} for raw in proxies]}, build=NEW)
    return ServerHealth(fake_context(server, *(raw["hostName"] for raw in proxies))), server


def test_what_disrupts_no_proxy_is_not_asked_about() -> None:
    health, server = health_of({"hostName": "px-1", "status": "Offline"})
    moved = Change("repository.disk", Action.UPDATE, (), Cause(Reason.INVENTORY))
    assert health.unhealthy([moved, job("daily")]) == {}
    assert server.acts == []
    assert [str(key) for key in health.unhealthy([moved, upgrade("px-1")])] == ["upgrade:proxy.px-1"]


def test_v5_rescans_them_one_by_one_and_a_refusal_keeps_none_from_it() -> None:
    health, server = health_of({"hostName": "b", "status": "Online"}, {"hostName": "a", "status": "Online"})
    server.rest = 5

    def refuse(path: str, action: str, body: Any) -> None:
        if path == "Proxies/id-a":
            raise Refused("host", "rescanning", "no")

    server.act_as = refuse
    assert health.unhealthy([upgrade("a"), upgrade("b")]) == {}
    assert server.acts == [("Proxies/id-a", "Rescan", None), ("Proxies/id-b", "Rescan", None)]


def test_a_proxy_that_the_server_does_not_list() -> None:
    health, server = health_of({"hostName": "px-1", "status": "Online"})
    server.lists["Proxies"] = []
    assert {*health.unhealthy([upgrade("px-1")]).values()} == {"the server does not list it"}


@pytest.mark.parametrize("word", ["Enabling", "Enabled", "Disabling", "Disabled"])
def test_a_proxy_that_is_still_in_maintenance_mode(word: str) -> None:
    health, _ = health_of({"hostName": "px-1", "status": "Online", "version": NEW, "maintenanceModeState": word})
    cleared = replace(upgrade("px-1"), steps=(CLEAR,))
    problems = [*health.unhealthy([cleared]).values()]
    assert problems == (["it is still in maintenance mode"] if word in ("Enabling", "Enabled") else [])
    assert health.unhealthy([upgrade("px-1")]) == {}
