"""Draining: maintenance of pool members, the end of sessions elsewhere, and giving the proxy back on every path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply import AppliedStateRecorder, StopSignal, apply
from reconciler.apply.engine import left_open
from reconciler.apply.steps import RUN, StepFailed
from reconciler.journal import AppliedState, JournalError, LeaseLost
from reconciler.model.address import Address
from reconciler.model.connection import Access, Server
from reconciler.model.errors import Conflict, ConnectionLost, ReconcileError, Refused
from reconciler.model.event import ChangeEnded, Event, Outcome, StepDone, StepStarted
from reconciler.model.inventory import Inventory, Policy
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason
from reconciler.model.recall import Recall
from reconciler.model.step import Step
from reconciler.model.steps import (
    ClearMaintenance,
    DeleteObject,
    EnterMaintenance,
    UpgradeProxy,
    VerifyProxy,
    WaitForSessions,
)
from tests.apply.fakes import HOST, Clock, FakeServer, fake_context
from tests.apply.fakes import LOGIN as ADMIN

PATH = "Proxies/id-px-1"
LOGIN: dict[str, Any] = {"name": "px-1", "host": "px-1.example.net", "os": "windows", "credentials": "local"}
ON = EnterMaintenance(**LOGIN, deadline=60, then="fail")
OFF = ClearMaintenance(**LOGIN)
VERIFY = VerifyProxy(name="px-1", version="8.6.0.100")
WAIT = WaitForSessions(name="px-1", deadline=60, then="fail")


class Pool(FakeServer):
    """A member of a pool: Enabling takes `moments` looks; `lost` answers are lost after the work was done."""

    def __init__(self, *, moments: int = 2, lost: bool = False, refuses: ReconcileError | None = None) -> None:
        super().__init__({PATH: {"status": "Online", "version": "8.6.0.100", "maintenanceModeState": "Disabled"}})
        self.moments, self.lost, self.refuses = moments, lost, refuses

    @property
    def state(self) -> str:
        return str(self.objects[PATH]["maintenanceModeState"])

    def get(self, path: str) -> dict[str, Any]:
        if self.state == "Enabling":
            self.moments -= 1
            if self.moments <= 0:
                self.objects[PATH]["maintenanceModeState"] = "Enabled"
        return super().get(path)

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        super().act(path, action, body)
        if self.refuses is not None:
            raise self.refuses
        self.objects[path]["maintenanceModeState"] = "Enabling" if action.endswith("enable") else "Disabled"
        if action.endswith("disable"):
            self.objects[path]["maintenanceModeState"] = "Disabled"
        if self.lost:
            raise ConnectionLost(HOST, "POST", "the connection broke")
        return {}


def do(server: FakeServer, step: Step, answer: list[str] | None = None) -> None:
    RUN[step.verb](fake_context(server, "px-1"), step, (answer if answer is not None else []).append)


def upgrade(*steps: Step) -> Change:
    return Change("proxy.px-1", Action.UPGRADE, (), Cause(Reason.DRIFT), steps)


def run(server: FakeServer, change: Change, events: list[Event] | None = None) -> Any:
    plan = Plan("corp", "", ServerInfo(HOST, 8, "8.6.0.100"), (change,))
    listen: Callable[[Event], None] = (events if events is not None else []).append
    return apply(plan, fake_context(server, "px-1"), listeners=[listen]).outcomes[change.key]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Step]:
    """A step that raises."""

    def make(error: BaseException) -> Step:
        def fail(context: Any, step: Step, report: Any) -> None:
            raise error

        monkeypatch.setitem(RUN, "proxy.upgrade", fail)
        return UpgradeProxy(**LOGIN, to="8.6.0.100")

    return make


class TestMaintenance:
    def test_on_waits_for_enabled_with_the_login_of_the_host(self) -> None:
        server = Pool()
        do(server, ON)
        assert server.state == "Enabled"
        assert server.acts == [(PATH, "maintenance/enable", {"username": "Administrator", "password": "hunter2"})]

    def test_on_and_off_do_nothing_twice(self) -> None:
        server = Pool()
        for step in (ON, ON, OFF, OFF):
            do(server, step)
        assert [action for _, action, _ in server.acts] == ["maintenance/enable", "maintenance/disable"]

    def test_a_lost_answer_is_read_back(self) -> None:
        server = Pool(lost=True)
        do(server, ON)
        do(server, OFF)
        assert (server.state, len(server.acts)) == ("Disabled", 2)

    def test_what_the_server_refuses_fails(self) -> None:
        with pytest.raises(Conflict, match="the last active member"):
            do(Pool(refuses=Conflict(HOST, "POST", "the last active member")), ON)

    @pytest.mark.parametrize("then", ["fail", "proceed"])
    def test_after_the_deadline_the_policy_decides(self, then: str) -> None:
        server, answer = Pool(moments=10_000), list[str]()
        step = replace(ON, deadline=5, then=then)
        if then == "fail":
            with pytest.raises(StepFailed, match=r"not in maintenance mode after 5 s, and policy\.drain\.then is fail"):
                do(server, step)
        else:
            do(server, step, answer)
            assert answer == ["px-1 is not in maintenance mode after 5 s; continuing (policy.drain.then is proceed)"]

    def test_without_a_login_it_says_what_is_missing(self) -> None:
        with pytest.raises(StepFailed, match="declare `credentials` for it"):
            do(Pool(), replace(ON, credentials=""))


class TestSessions:
    def busy(self, times: int, rest: int = 8) -> FakeServer:
        """Sessions run until they were looked at `times` times."""

        class Busy(FakeServer):
            looks = 0

            def list(self, path: str, **query: Any) -> list[dict[str, Any]]:
                if path in ("JobSessions", "Jobs"):
                    self.looks += 1
                    word = "Running" if self.looks <= times else "Success"
                    sessions = [{"id": "1", "proxyId": "id-px-1"}, {"id": "2", "proxyId": "id-other"}]
                    jobs = [{"id": "1", "repositoryId": "r1", "lastStatus": word}, {"repositoryId": "r2"}]
                    return (sessions if word == "Running" else sessions[1:]) if path == "JobSessions" else jobs
                owned = [{"id": "r1", "proxyId": "id-px-1"}, {"id": "r2", "proxyId": "id-other"}]
                return owned if path == "BackupRepositories" else []

        return Busy({PATH: {"status": "Online"}}, rest=rest)

    @pytest.mark.parametrize("rest", [6, 7, 8])
    def test_it_waits_until_they_have_ended_and_says_so_once(self, rest: int) -> None:
        answer: list[str] = []
        do(self.busy(3, rest), WAIT, answer)
        assert answer == ["1 session still running"]

    @pytest.mark.parametrize("then", ["fail", "proceed"])
    def test_after_the_deadline_the_policy_decides(self, then: str) -> None:
        answer: list[str] = []
        step = replace(WAIT, then=then)
        if then == "fail":
            with pytest.raises(StepFailed, match="1 session of px-1 still running after 60 s"):
                do(self.busy(10**6), step, answer)
        else:
            do(self.busy(10**6), step, answer)
            assert answer[-1] == "1 session of px-1 still running after 60 s; continuing (policy.drain.then is proceed)"

    def test_an_interrupt_ends_the_wait(self) -> None:
        here = fake_context(self.busy(10**6), "px-1", clock=Clock())
        here.stop.set()
        with pytest.raises(StepFailed, match="interrupted while px-1 was being drained"):
            RUN[WAIT.verb](here, WAIT, lambda line: None)


class TestVerify:
    @pytest.mark.parametrize(
        ("seen", "problem"),
        [
            ({"status": "Online", "version": "8.6.0.100"}, ""),
            ({"status": "Online", "version": "8.6.0.101"}, ""),
            ({"status": "Online", "version": "8.5.0.1014"}, "px-1 failed verification: it is Online, 8.5.0.1014"),
            ({"status": "Offline", "version": None}, "px-1 failed verification: it is Offline"),
            ({"status": "Offline", "version": None, "maintenanceModeState": "Enabled"}, ""),
        ],
    )
    def test_online_and_the_version(self, seen: dict[str, Any], problem: str) -> None:
        if problem:
            with pytest.raises(StepFailed, match=problem):
                do(FakeServer({PATH: seen}), VERIFY)
        else:
            do(FakeServer({PATH: seen}), VERIFY)

    def test_before_v8_no_version_is_shown(self) -> None:
        do(FakeServer({PATH: {"status": "Online"}}, rest=7), VERIFY)


class TestRestored:
    """Whatever goes wrong after maintenance was switched on, it is switched off."""

    def test_after_a_failure(self, broken: Callable[[BaseException], Step]) -> None:
        server, events = Pool(), list[Event]()
        end = run(server, upgrade(ON, broken(Refused("px-1", "upgrading", "no")), VERIFY, OFF, VERIFY), events)
        assert (end.outcome, end.detail, server.state) == (Outcome.FAILED, "px-1: upgrading: no", "Disabled")
        done = [event.index for event in events if isinstance(event, StepDone)]
        assert done == [0, 3]

    def test_after_a_bug(self, broken: Callable[[BaseException], Step]) -> None:
        server = Pool()
        end = run(server, upgrade(ON, broken(ZeroDivisionError()), OFF))
        assert (end.outcome, server.state) == (Outcome.FAILED, "Disabled")
        assert "This is a bug" in end.detail

    def test_after_it_was_not_drained_in_time(self) -> None:
        server = Pool(moments=10_000)
        end = run(server, upgrade(ON, VERIFY, OFF))
        assert (end.outcome, server.state) == (Outcome.FAILED, "Disabled")

    def test_what_cannot_be_restored_is_told(self, broken: Callable[[BaseException], Step]) -> None:
        server = Pool()

        def dead(path: str, action: str, body: Any) -> None:
            if action == "maintenance/disable":
                raise Refused("px-1", "leaving maintenance", "it is offline")

        server.act_as = dead
        end = run(server, upgrade(ON, broken(Refused("px-1", "upgrading", "no")), OFF))
        assert end.detail == (
            "px-1: upgrading: no; could not clear maintenance mode of px-1: px-1: leaving maintenance: it is offline"
        )

    def test_only_what_was_begun_is_closed(self) -> None:
        steps = (VERIFY, ON, VERIFY, OFF, VERIFY)
        assert [left_open(steps, failed) for failed in range(5)] == [[], [3], [3], [], []]


class Notes:
    """The part of a memory that a recorder uses for drains."""

    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, str]] = {}

    def remember(self, scope: str, digests: Mapping[str, Mapping[str, str]], known: object = None) -> None:
        self.rows |= digests

    def forget(self, scope: str, *addresses: str) -> None:
        for address in addresses:
            self.rows.pop(address, None)


class TestMarks:
    def recorder(self, notes: Notes, change: Change) -> tuple[AppliedStateRecorder, Plan]:
        server = ServerInfo(HOST, 8, "8.6.0.100")
        plan, live = Plan("corp", "", server, (change,)), Live(server, {}, {}, {})
        inventory = Inventory("corp", Access(Server(HOST, ADMIN), {}, {}, {}, ""), {}, Policy(), (), "")
        recorder = AppliedStateRecorder(
            inventory, live, Recall(applied=dict(notes.rows)), cast("AppliedState", notes), "scope"
        )
        recorder.begin(plan)
        return recorder, plan

    def test_a_proxy_is_marked_from_before_it_is_drained_until_it_is_back(self) -> None:
        notes, change = Notes(), upgrade(ON, VERIFY, OFF)
        recorder, _ = self.recorder(notes, change)
        seen = []
        for index, step in enumerate(change.steps):
            recorder.permit(StepStarted(change.key, index, step.text))
            seen.append(list(notes.rows))
            recorder.listen(StepDone(change.key, index, step.text, 0.0))
            seen.append(list(notes.rows))
        assert seen == [["drain.px-1"]] * 5 + [[]]

    @pytest.mark.parametrize("action", [action for action in Action if action is not Action.RUN])
    def test_the_mark_says_whether_the_drain_is_for_an_upgrade(self, action: Action) -> None:
        notes, change = Notes(), replace(upgrade(ON), action=action)
        recorder, _ = self.recorder(notes, change)
        recorder.permit(StepStarted(change.key, 0, ""))
        why = "for an upgrade" if action is Action.UPGRADE else "by an apply"
        assert notes.rows["drain.px-1"] == {"(drain)": why}

    @pytest.mark.parametrize("left", [True, False])
    def test_a_mark_goes_when_the_proxy_is_seen_at_work(self, left: bool) -> None:
        notes = Notes()
        notes.rows = {"drain.px-1": {"(drain)": ""}, "proxy.px-1": {}}
        fields = (FieldChange("maintenance", True, False),) if left else ()
        change = Change("proxy.px-1", Action.UPDATE, fields, Cause(Reason.DRIFT))
        recorder, plan = self.recorder(notes, change)
        recorder.settle(plan)
        assert ("drain.px-1" in notes.rows) is left

    @pytest.mark.parametrize(
        ("earlier", "action", "outcome", "left"),
        [
            (False, Action.CREATE, Outcome.DONE, False),
            (False, Action.REPLACE, Outcome.FAILED, False),
            (False, Action.CREATE, Outcome.NOT_STARTED, True),
            (False, Action.UPDATE, Outcome.DONE, True),
            (True, Action.CREATE, Outcome.DONE, False),
            (True, Action.CREATE, Outcome.FAILED, True),
        ],
    )
    def test_the_mark_of_a_creation_goes_with_its_end(
        self, earlier: bool, action: Action, outcome: Outcome, left: bool
    ) -> None:
        """But a failure says nothing of what an earlier apply began: its service may still appear on the host."""
        notes, change = Notes(), Change("proxy.px-1", action, (), Cause(Reason.INVENTORY))
        begun = {"creating.px-1": {"(create)": "begun"}}
        notes.rows = dict(begun) if earlier else {}
        recorder, _ = self.recorder(notes, change)
        notes.rows |= begun
        recorder.listen(ChangeEnded(change.key, change.address, action.value, outcome))
        assert ("creating.px-1" in notes.rows) is left

    @pytest.mark.parametrize("earlier", [True, False])
    @pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED, Outcome.NOT_STARTED])
    def test_the_mark_of_an_upgrade_goes_with_its_end(self, outcome: Outcome, earlier: bool) -> None:
        """But a failure says nothing of one that an earlier apply began: the server may still be at work on it."""
        step = UpgradeProxy(name="px-1", host="px-1", to="8.6.0.1", os="windows", credentials="")
        notes, change = Notes(), upgrade(step)
        begun = {"upgrading.px-1": {"(upgrade)": "begun"}}
        notes.rows = dict(begun) if earlier else {}
        recorder, _ = self.recorder(notes, change)
        assert recorder.begun == frozenset(notes.rows)
        recorder.permit(StepStarted(change.key, 0, step.text))
        assert notes.rows == begun
        recorder.listen(ChangeEnded(change.key, change.address, Action.UPGRADE.value, outcome))
        left = outcome is Outcome.NOT_STARTED or (outcome is Outcome.FAILED and earlier)
        assert ("upgrading.px-1" in notes.rows) is left

    @pytest.mark.parametrize("behind", [True, False])
    def test_the_mark_of_an_upgrade_goes_when_the_proxy_is_seen_up_to_date(self, behind: bool) -> None:
        notes = Notes()
        notes.rows = {"upgrading.px-1": {"(upgrade)": "begun"}}
        recorder, plan = self.recorder(notes, upgrade(ON))
        live = Live(plan.server, {Address("proxy.px-1"): LiveResource("proxy", "px-1", "1", {})}, {}, {})
        recorder.settle(plan if behind else replace(plan, changes=()), live)
        assert ("upgrading.px-1" in notes.rows) is behind

    @pytest.mark.parametrize(("outcome", "left"), [(Outcome.DONE, False), (Outcome.FAILED, True)])
    def test_the_mark_of_a_deletion_goes_with_the_proxy(self, outcome: Outcome, left: bool) -> None:
        """A deletion that failed may have uninstalled the service all the same."""
        step = DeleteObject(kind="proxy", name="px-1.example.com", id="1", owner="corp", force=False)
        notes, change = Notes(), Change("proxy.px-1", Action.DELETE, (), Cause(Reason.INVENTORY), (step,))
        recorder, _ = self.recorder(notes, change)
        recorder.permit(StepStarted(change.key, 0, step.text))
        assert notes.rows == {"deleting.px-1": {"(delete)": "begun"}}
        recorder.listen(ChangeEnded(change.key, change.address, Action.DELETE.value, outcome))
        assert ("deleting.px-1" in notes.rows) is left

    def test_an_adopted_object_that_was_not_observed_has_no_identity(self) -> None:
        notes, change = Notes(), Change("proxy.px-1", Action.ADOPT, (), Cause(Reason.INVENTORY))
        recorder, _ = self.recorder(notes, change)
        recorder.listen(ChangeEnded(change.key, change.address, Action.ADOPT.value, Outcome.DONE))
        assert notes.rows == {}


class TestInterrupted:
    """The run is stopped while a proxy is being drained, or the journal cannot be written between two steps."""

    def test_while_it_is_drained(self) -> None:
        server, stop = Pool(moments=10**9), StopSignal()
        here = fake_context(server, "px-1")
        rung: list[bool] = []

        def sleep(seconds: float) -> None:
            if not rung:
                rung.append(True)
                stop.request()
            assert here.stop.wait(10) or server.state == "Disabled"

        here.sleep = sleep
        change = upgrade(ON, VERIFY, OFF, VERIFY)
        plan = Plan("corp", "", ServerInfo(HOST, 8, "8.6.0.100"), (change,))
        result = apply(plan, here, stop=stop)
        assert result.interrupted
        assert result.outcomes[change.key].detail == "the run was interrupted while px-1 was being drained"
        assert server.state == "Disabled"

    @pytest.mark.parametrize(
        ("error", "state"),
        [(JournalError("the disk is full"), "Disabled"), (LeaseLost("vbo01", "another run took it"), "Enabled")],
    )
    def test_between_two_steps(self, error: JournalError, state: str) -> None:
        """Where the lock is lost, another user may be at work on the proxy: it is left to who plans next."""
        server, change = Pool(), upgrade(ON, VERIFY, OFF, VERIFY)

        def permit(event: StepStarted) -> None:
            if event.index > 0:
                raise error

        plan = Plan("corp", "", ServerInfo(HOST, 8, "8.6.0.100"), (change,))
        result = apply(plan, fake_context(server, "px-1"), permits=[permit])
        assert result.outcomes[change.key].outcome is Outcome.FAILED
        lost = isinstance(error, LeaseLost)
        assert not lost or result.outcomes[change.key].detail == "stopped before: verify px-1 (the lock is lost)"
        assert server.state == state
