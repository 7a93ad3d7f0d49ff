"""The engine: order, dependents of a failure, the four outcomes, interrupts, bugs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, cast

import pytest

from reconciler.apply import ApplyContext, ConcurrencyLimits, RolloutLimits, StopSignal, apply
from reconciler.apply.engine import Result
from reconciler.apply.schedule import Schedule
from reconciler.apply.steps import RUN, StepFailed, StillRunning
from reconciler.journal import JournalError, LeaseLost
from reconciler.model.errors import Refused
from reconciler.model.event import ChangeEnded, ChangeStarted, Event, Outcome, Progress, StepDone, StepStarted, Stopping
from reconciler.model.live import ServerInfo
from reconciler.model.plan import Action, Cause, Change, Plan, Reason
from reconciler.model.steps import ChangeHost, MoveRepository, RunJob
from reconciler.plan.organization_coverage import Coverage

Do = Callable[[Any, Any, Callable[[str], None]], str | None]


class FakeContext:
    def __init__(self) -> None:
        self.stop = threading.Event()
        self.clock = time.monotonic
        self.sleep = time.sleep


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Do], None]:
    """Replaces the step `job.run` by a function of the test."""

    def replace(do: Do) -> None:
        monkeypatch.setitem(RUN, "job.run", do)

    return replace


def change(name: str, *needs: str, blocked: str = "") -> Change:
    keys = tuple(f"run:job.{need}" for need in needs)
    steps = () if blocked else (RunJob(name=name),)
    return Change(f"job.{name}", Action.RUN, (), Cause(Reason.CHAIN), steps, keys, blocked=blocked)


def run(*changes: Change, events: list[Event] | None = None, **more: Any) -> Result:
    plan = Plan("corp", "", ServerInfo("host", 8, "8.5"), changes)
    heard: list[Event] = [] if events is None else events
    return apply(plan, cast(ApplyContext, FakeContext()), **{"listeners": [heard.append], "clock": lambda: 0.0, **more})


def ends(result: Result) -> dict[str, str]:
    return {key.removeprefix("run:job."): end.outcome.value for key, end in result.outcomes.items()}


def test_what_others_wait_for_is_done_first(verb: Callable[[Do], None]) -> None:
    order: list[str] = []
    verb(lambda context, step, report: order.append(step.name))
    result = run(change("c", "b"), change("b", "a"), change("a"))
    assert order == ["a", "b", "c"]
    assert list(result.outcomes) == ["run:job.c", "run:job.b", "run:job.a"]
    assert not result.failed


def test_what_waits_for_a_failure_is_skipped_and_the_rest_goes_on(verb: Callable[[Do], None]) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        if step.name == "a":
            raise Refused("host", "doing it", "no", hint="ask nicely")

    verb(do)
    result = run(change("a"), change("b", "a"), change("c", "b"), change("d"))
    assert ends(result) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "done"}
    assert result.outcomes["run:job.a"].hint == "ask nicely"
    assert result.outcomes["run:job.b"].detail == "job.a failed"
    assert result.outcomes["run:job.c"].detail == "job.b was not done"
    assert result.failed


@pytest.mark.parametrize("parallel", [1, 0, -1])
def test_fewer_than_one_at_a_time_is_one(verb: Callable[[Do], None], parallel: int) -> None:
    verb(lambda context, step, report: None)
    assert ends(run(change("a"), change("b"), parallel=parallel)) == {"a": "done", "b": "done"}


def test_a_blocked_change_is_skipped_with_its_reason(verb: Callable[[Do], None]) -> None:
    verb(lambda context, step, report: None)
    result = run(change("a", blocked="it is offline"), change("b"))
    assert ends(result) == {"a": "skipped", "b": "done"}
    assert result.outcomes["run:job.a"].detail == "it is offline"


def test_what_waits_for_a_blocked_change_and_is_blocked_itself_ends_once(verb: Callable[[Do], None]) -> None:
    verb(lambda context, step, report: None)
    events: list[Event] = []
    stuck = change("b", "a", blocked="it waits for job.a, which is blocked")
    result = run(change("a", blocked="it is offline"), stuck, change("c"), events=events)
    assert ends(result) == {"a": "skipped", "b": "skipped", "c": "done"}
    assert sorted(event.address for event in events if isinstance(event, ChangeEnded)) == ["job.a", "job.b", "job.c"]


def test_a_failed_step_brings_its_log(verb: Callable[[Do], None]) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        raise StepFailed("the job ended as Failed", ("one", "two"))

    verb(do)
    assert run(change("a")).outcomes["run:job.a"].log == ("one", "two")


def test_a_bug_fails_its_own_change_and_says_that_it_is_one(verb: Callable[[Do], None]) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        if step.name == "a":
            raise ZeroDivisionError

    verb(do)
    result = run(change("a"), change("b"))
    assert ends(result) == {"a": "failed", "b": "done"}
    assert "This is a bug in vbo-reconcile" in result.outcomes["run:job.a"].detail


def test_events_tell_the_whole_story(verb: Callable[[Do], None]) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> str:
        report("half way")
        return "all of it"

    verb(do)
    events: list[Event] = []
    run(change("a"), events=events)
    assert [type(event) for event in events][:3] == [ChangeStarted, StepStarted, Progress]
    end = events[-1]
    assert isinstance(end, ChangeEnded)
    assert (end.outcome, end.detail) == (Outcome.DONE, "all of it")


def test_a_bell_finishes_what_runs_and_starts_nothing_else(verb: Callable[[Do], None]) -> None:
    stop = StopSignal()

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        stop.request()
        assert context.stop.wait(10)

    verb(do)
    events: list[Event] = []
    result = run(change("a"), change("b", "a"), change("c", "b"), events=events, stop=stop)
    assert result.interrupted
    assert ends(result) == {"a": "done", "b": "not started", "c": "not started"}
    assert Stopping("the run was interrupted", 1, interrupted=True) in events


def test_a_signal_whose_waking_is_lost_is_heard_all_the_same(
    verb: Callable[[Do], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python calls a handler in the main thread alone, which must not wait without an end."""
    monkeypatch.setattr("reconciler.waits.TURN", 0.01)
    looks: list[float | None] = []

    class Calls(SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            looks.append(timeout)
            return super().get(block, timeout)

    stop, looked = StopSignal(), threading.Event()
    stop.calls = Calls()

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        while len(looks) < 3:
            looked.wait(0.01)

    verb(do)
    assert ends(run(change("a"), stop=stop)) == {"a": "done"}
    assert None not in looks


def test_a_second_ring_leaves_what_is_in_flight(verb: Callable[[Do], None]) -> None:
    stop, over = StopSignal(), threading.Event()
    ran: list[threading.Thread] = []

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        ran.append(threading.current_thread())
        stop.request()
        stop.request()
        assert over.wait(10)

    verb(do)
    result = run(replace(change("a"), steps=(RunJob(name="a"),) * 2), change("b", "a"), stop=stop)
    over.set()
    ran[0].join(10)
    assert len(ran) == 1  # its next step is not begun
    assert result.in_flight == {"run:job.a": "run job a"}
    assert ends(result) == {"b": "not started"}


def test_what_the_server_goes_on_with_is_in_flight_and_not_waited_for(verb: Callable[[Do], None]) -> None:
    stop = StopSignal()

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        stop.request()
        assert context.stop.wait(10)
        raise StillRunning("a goes on at the server")

    verb(do)
    events: list[Event] = []
    result = run(change("a"), change("b", "a"), events=events, stop=stop)
    assert (result.interrupted, result.abandoned) == (True, False)
    assert result.in_flight == {"run:job.a": "run job a"}
    assert ends(result) == {"b": "not started"}
    assert Progress(change("a").key, "a goes on at the server") in events


class TestPermit:
    """A permit that raises stops the run before that step."""

    def failing(self, at: int) -> Callable[[StepStarted], None]:
        asked: list[StepStarted] = []

        def permit(event: StepStarted) -> None:
            if len(asked) == at:
                raise JournalError("The journal cannot be written: the disk is full")
            asked.append(event)

        return permit

    def test_the_step_is_not_done_and_nothing_else_is_started(self, verb: Callable[[Do], None]) -> None:
        ran: list[str] = []
        verb(lambda context, step, report: ran.append(step.name))
        events: list[Event] = []
        result = run(change("a"), change("b", "a"), change("c", "b"), events=events, permits=[self.failing(1)])
        assert ran == ["a"]
        assert ends(result) == {"a": "done", "b": "not started", "c": "not started"}
        assert isinstance(result.error, JournalError)
        assert result.outcomes[change("b").key].detail == "the journal cannot be written"
        assert [event for event in events if isinstance(event, Stopping)] == [
            Stopping("the journal cannot be written", 0, interrupted=False)
        ]
        assert [event.key.address for event in events if isinstance(event, StepStarted)] == ["job.a"]

    def test_a_change_that_was_begun_says_before_which_step_it_stopped(self, verb: Callable[[Do], None]) -> None:
        verb(lambda context, step, report: None)
        two = Change("job.a", Action.RUN, (), Cause(Reason.CHAIN), (RunJob(name="a"),) * 2)
        result = run(two, permits=[self.failing(1)])
        assert ends(result) == {"a": "failed"}
        assert result.outcomes[two.key].detail == "stopped before: run job a (the journal cannot be written)"

    @pytest.mark.parametrize("lost", [True, False])
    def test_what_is_asked_right_before_a_change_stops_the_run_too(
        self, verb: Callable[[Do], None], *, lost: bool
    ) -> None:
        """The process stood still within the step: another run may have the lock."""

        def do(context: ApplyContext, step: RunJob, report: object) -> None:
            if step.name == "b":
                raise LeaseLost("vbo01", "another run took it over") if lost else JournalError("the disk is full")

        verb(do)
        result = run(change("a"), change("b", "a"), change("c", "b"))
        why = "the lock is lost" if lost else "the journal cannot be written"
        assert (ends(result)["a"], ends(result)["b"]) == ("done", "failed")
        assert result.outcomes[change("b").key].detail == f"stopped in: run job b ({why})"
        assert isinstance(result.error, LeaseLost) is lost

    def test_they_are_asked_in_order_and_the_first_refusal_counts(self, verb: Callable[[Do], None]) -> None:
        asked: list[str] = []
        verb(lambda context, step, report: None)
        run(change("a"), permits=[self.failing(0), lambda event: asked.append(event.text)])
        assert asked == []


class TestListeners:
    @pytest.mark.parametrize("kind", [ChangeStarted, StepStarted, StepDone, ChangeEnded])
    def test_one_that_raises_is_dropped_and_breaks_nothing(self, verb: Callable[[Do], None], kind: type[Event]) -> None:
        verb(lambda context, step, report: None)
        heard: list[Event] = []
        calls: list[Event] = []

        def broken(event: Event) -> None:
            calls.append(event)
            if isinstance(event, kind):
                raise BrokenPipeError("no reader")

        result = run(change("a"), change("b", "a"), listeners=[broken, heard.append])
        assert ends(result) == {"a": "done", "b": "done"}
        assert [str(error) for error in result.failed_listeners] == ["no reader"]
        assert isinstance(calls[-1], kind)
        assert len(heard) == 8


def test_many_changes_run_side_by_side(verb: Callable[[Do], None]) -> None:
    together = threading.Barrier(4, timeout=5)
    verb(lambda context, step, report: (together.wait(), None)[1])
    assert not run(*[change(str(number)) for number in range(4)]).failed


class TestCoverage:
    """Upgrades of the proxies a and b, which serve one organization, and of c, which serves another with b."""

    def upgrade(self, name: str) -> Change:
        return Change(f"proxy.{name}", Action.UPGRADE, (), Cause(Reason.DRIFT), (RunJob(name=name),))

    def coverage(self, serving: Mapping[str, str]) -> Coverage:
        of_proxy: dict[str, set[str]] = {}
        for organization, proxies in serving.items():
            for name in proxies:
                of_proxy.setdefault(name, set()).add(organization)
        frozen = {name: frozenset(items) for name, items in serving.items()}
        return Coverage(frozen, frozenset(of_proxy), 1, {name: frozenset(items) for name, items in of_proxy.items()})

    def run(self, limits: RolloutLimits, *names: str) -> tuple[Result, list[str]]:
        order: list[str] = []
        plan = Plan("corp", "", ServerInfo("host", 8, "8.5"), tuple(self.upgrade(name) for name in names))

        def listen(event: Event) -> None:
            if isinstance(event, ChangeStarted | ChangeEnded):
                order.append(f"{'+' if isinstance(event, ChangeStarted) else '-'}{event.address.partition('.')[2]}")

        return apply(
            plan, cast(ApplyContext, FakeContext()), listeners=[listen], limits=limits, clock=lambda: 0.0
        ), order

    def test_two_that_serve_the_same_never_go_together(self, verb: Callable[[Do], None]) -> None:
        verb(lambda context, step, report: None)
        result, order = self.run(RolloutLimits(coverage=self.coverage({"one": "ab", "two": "bc"})), "a", "b", "c")
        assert not result.failed
        down: set[str] = set()
        for event in order:
            down = down | {event[1]} if event[0] == "+" else down - {event[1]}
            assert not {"a", "b"} <= down
            assert not {"b", "c"} <= down

    def test_after_a_failure_the_one_that_still_works_is_left_alone(self, verb: Callable[[Do], None]) -> None:
        def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
            raise Refused("host", "upgrading", "no")

        verb(do)
        result, _ = self.run(RolloutLimits(coverage=self.coverage({"one": "ab"})), "a", "b")
        assert [end.outcome.value for end in result.outcomes.values()] == ["failed", "skipped"]
        assert result.outcomes["upgrade:proxy.b"].detail == "one would have too few working proxies during it"

    def test_members_of_a_pool_wait_for_one_that_failed_so_the_last_that_works_is_left_alone(
        self, verb: Callable[[Do], None]
    ) -> None:
        """a is upgraded, and waits for b, whose upgrade fails, as soon as c is in maintenance mode."""

        def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
            if step.name == "b":
                raise Refused("host", "upgrading", "no")

        verb(do)
        members = frozenset("abc")
        coverage = replace(
            self.coverage({"one": "abc"}),
            pools={"cloud": members},
            pool_of=dict.fromkeys(members, "cloud"),
            behind=members,
        )
        result, order = self.run(RolloutLimits(max_failures=9, coverage=coverage), "a", "b", "c")
        assert "+c" not in order
        assert [end.outcome.value for end in result.outcomes.values()] == ["done", "failed", "skipped"]
        assert result.outcomes["upgrade:proxy.c"].detail == "one would have too few working proxies during it"

    def test_after_enough_failures_nothing_else_is_started(self, verb: Callable[[Do], None]) -> None:
        def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
            raise Refused("host", "upgrading", "no")

        verb(do)
        result, _ = self.run(RolloutLimits(max_failures=1), "a", "b", "c")
        assert [end.outcome.value for end in result.outcomes.values()] == ["failed", "not started", "not started"]
        assert result.outcomes["upgrade:proxy.b"].detail == "1 change failed, the maximum"


def test_blocked_changes_that_wait_for_each_other_end_once(verb: Callable[[Do], None]) -> None:
    verb(lambda context, step, report: None)
    result = run(change("a", blocked="it is offline"), change("b", "a", blocked="it waits for a"), change("c", "b"))
    assert ends(result) == {"a": "skipped", "b": "skipped", "c": "skipped"}
    assert result.outcomes["run:job.b"].detail == "it waits for a"


class TestConcurrencyLimits:
    """How many changes run at the same time."""

    def most(self, verb: Callable[[Do], None], limits: ConcurrencyLimits, *changes: Change) -> int:
        """The largest number of steps that were under way together."""
        lock, now, most = threading.Lock(), [0], [0]

        def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.02)
            with lock:
                now[0] -= 1

        verb(do)
        result = run(*changes, limits=RolloutLimits(concurrency=limits), parallel=6)
        assert not result.failed
        return most[0]

    def on_host(self, name: str) -> Change:
        step = ChangeHost(host=name, requirement="firewall", script="", arguments={})
        return Change(f"host.{name}", Action.UPDATE, (), Cause(Reason.DRIFT), (step,))

    def test_a_transport_has_its_own_limit(self, verb: Callable[[Do], None], monkeypatch: pytest.MonkeyPatch) -> None:
        def dispatch(*words: Any) -> str | None:
            return RUN["job.run"](*words)

        monkeypatch.setitem(RUN, "host.change", dispatch)
        hosts = [self.on_host(name) for name in "abcdef"]
        limits = ConcurrencyLimits({"rest": 1, "ssh": 2, "winrm": 1}, dict.fromkeys("abcdef", "ssh"))
        assert self.most(verb, limits, *hosts) == 2

    def test_a_host_is_changed_by_one_at_a_time(self) -> None:
        limits = ConcurrencyLimits(transports={"a": "ssh"})
        proxy = Change("proxy.a", Action.UPDATE, (), Cause(Reason.DRIFT), (MoveRepository(name="a", to="proxy.b"),))
        assert limits.of(proxy) == {"rest", "host a"}
        assert limits.of(self.on_host("a")) == {"ssh", "host a"}
        assert not limits.are_free(limits.of(proxy), Counter(limits.of(self.on_host("a"))))
        assert limits.are_free(limits.of(proxy), Counter(limits.of(self.on_host("b"))))

    def test_what_a_change_costs_does_not_grow_with_the_plan(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def looks(count: int) -> int:
            """How often limits are compared in a plan of changes that share one."""
            made = [0]
            compare = ConcurrencyLimits.are_free

            def counted(self: ConcurrencyLimits, wanted: Any, used: Any) -> bool:
                made[0] += 1
                return compare(self, wanted, used)

            limits = RolloutLimits(concurrency=ConcurrencyLimits({"rest": 2, "ssh": 16, "winrm": 16}))
            steps = [MoveRepository(name=str(n), to="proxy.b") for n in range(count)]
            changes = [
                Change(f"repository.{n}", Action.UPDATE, (), Cause(Reason.DRIFT), (step,))
                for n, step in enumerate(steps)
            ]
            schedule = Schedule(Plan("corp", "", ServerInfo("host", 8, "8.5"), tuple(changes)), limits, 16)
            order = []
            with monkeypatch.context() as patch:
                patch.setattr(ConcurrencyLimits, "are_free", counted)
                running = list(schedule.take())
                while running:
                    order.append(running.pop(0))
                    schedule.end(ChangeEnded(order[-1].key, order[-1].address, "update", Outcome.DONE))
                    running += schedule.take()
            assert order == changes
            return made[0]

        assert looks(400) <= 2.5 * looks(200)

    def test_following_a_job_keeps_nobody_from_working(self) -> None:
        assert ConcurrencyLimits().of(change("daily")) == frozenset()


def test_what_is_done_or_skipped_has_no_hint_and_no_log(verb: Callable[[Do], None]) -> None:
    verb(lambda context, step, report: "said" if step.name == "a" else None)
    result = run(change("a"), change("b"), change("c", blocked="it cannot be done"))
    ends = [(str(end.key), end.detail, end.hint, end.log) for end in result.outcomes.values()]
    assert ends == [
        ("run:job.a", "said", "", ()),
        ("run:job.b", "", "", ()),
        ("run:job.c", "it cannot be done", "", ()),
    ]


def test_no_worker_is_left_when_the_apply_has_ended(verb: Callable[[Do], None]) -> None:
    workers: set[threading.Thread] = set()

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        workers.add(threading.current_thread())

    verb(do)
    run(*(change(name) for name in "abcdef"))
    assert workers
    assert not any(worker.is_alive() for worker in workers)
