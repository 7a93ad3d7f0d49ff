"""`apply`: asking, doing, looking again; and `jobs` and `smtp test`. The engine is real, the steps are the test's."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.live import Live
from reconciler.model.plan import Action, Cause, Change, Plan, Reason, Refusal, Report, UnknownField
from reconciler.model.steps import RunJob
from reconciler.render.progress import Lines
from tests.cli.running import SERVER, Ended, FakeLab, FakeWorld, call, install, inventory, live_job

WAITING = (
    "Nothing else is started: the run was interrupted."
    " Waiting for 1 running change to finish (Ctrl-C again stops now).\n"
)

Do = Callable[[Any, Any, Callable[[str], None]], str | None]
UNREACHABLE = Diagnostic("unreachable", "No connection", "px-1: refused", address="proxy.px-1")


def run(name: str = "daily") -> Change:
    return Change(f"job.{name}", Action.RUN, (), Cause(Reason.CHAIN, "asked for"), (RunJob(name=name),))


def create(name: str = "daily") -> Change:
    return Change(f"job.{name}", Action.CREATE, (), Cause(Reason.INVENTORY), (RunJob(name=name),))


def plan(*changes: Change, **more: Any) -> Plan:
    return Plan("corp", "0", SERVER, changes, **more)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[Do], None]:
    return lambda do: monkeypatch.setitem(RUN, "job.run", do)


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch, steps: Callable[[Do], None]) -> Callable[..., Ended]:
    """`apply` in a world with these plans, one for each look."""

    def apply(world: FakeWorld, *arguments: str, do: Do | None = None, **more: Any) -> Ended:
        steps(do or (lambda context, step, report: "Success, 3 objects, by px-1"))
        install(monkeypatch, world)
        return call("apply", "x.yml", *arguments, **more)

    return apply


def world(*plans: Plan, lab: FakeLab | None = None) -> FakeWorld:
    return FakeWorld(list(plans), inventory("daily", "weekly"), lab)


def test_it_ends_with_the_results_and_a_second_look(applied: Callable[..., Ended]) -> None:
    made = world(plan(create(), run()), plan())
    ended = applied(made, "--auto-approve")
    assert ended.code == 0
    assert "Plan: 1 to create, 0 to change, 0 to delete, 1 to run.\n" in ended.out
    assert "  done  daily " in ended.out
    assert "Success, 3 objects, by px-1" in ended.out
    assert ended.out.endswith(
        "Applied: 2 done, 0 failed, 0 skipped, 0 not started.\n\nVerified: no differences remain.\n"
    )
    assert "done     create job.daily" in ended.err
    assert len(made.looks) == 2
    assert made.applied_state.rows.keys() == {"job.daily", "job.weekly"}


def test_a_display_that_fails_is_a_warning_and_stops_nothing(
    applied: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(lines: Lines, event: object) -> None:
        raise OSError("the terminal is gone")

    monkeypatch.setattr(Lines, "__call__", broken)
    ended = applied(world(plan(create()), plan()), "--auto-approve")
    assert ended.code == 0
    assert "Applied: 1 done, 0 failed" in ended.out
    assert "Warning: Progress is incomplete" in ended.err
    assert "the terminal is gone" in ended.err


def test_an_empty_plan_asks_nothing_and_writes_nothing(applied: Callable[..., Ended]) -> None:
    made = world(plan(unchanged=2))
    ended = applied(made, terminal=True)
    assert ended.code == 0
    assert ended.out.endswith("No changes. 2 objects in sync.\n")
    assert "yes" not in ended.err
    assert made.wrote == []
    assert made.applied_state.rows.keys() == {"job.daily", "job.weekly"}


@pytest.mark.parametrize("answer", ["no\n", "y\n", "YES\n", "", "\n"])
def test_anything_but_yes_is_no(applied: Callable[..., Ended], answer: str) -> None:
    made = world(plan(create()))
    ended = applied(made, terminal=True, answer=answer)
    assert ended.code == 4
    assert "Nothing was changed." in ended.err
    assert made.wrote == []


def test_yes_is_yes(applied: Callable[..., Ended]) -> None:
    ended = applied(world(plan(create()), plan()), terminal=True, answer="yes\n")
    assert ended.code == 0
    assert "Applied: 1 done" in ended.out


@pytest.mark.parametrize(
    ("arguments", "terminal", "environment"),
    [
        pytest.param([], False, {"TERM": "dumb"}, id="no terminal"),
        pytest.param([], True, {"TERM": "dumb", "CI": "true"}, id="CI"),
        pytest.param(["--format", "json"], True, {"TERM": "dumb"}, id="a program reads"),
    ],
)
def test_without_anybody_to_ask_it_refuses_before_it_looks(
    applied: Callable[..., Ended], arguments: list[str], terminal: bool, environment: dict[str, str]
) -> None:
    made = world(plan(create()))
    ended = applied(made, *arguments, terminal=terminal, environment=environment)
    assert ended.code == 4
    assert "--auto-approve" in ended.err
    assert made.looks == []


def test_a_failure_is_applied_in_part(applied: Callable[..., Ended]) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        if step.name == "daily":
            raise StepFailed("the job ended as Failed", ("first line", "last line"))

    ended = applied(world(plan(create("weekly"), run()), plan()), "--auto-approve", do=do)
    assert ended.code == 3
    assert "last line" in ended.out
    assert "Applied: 1 done, 1 failed, 0 skipped, 0 not started.\n" in ended.out


def test_what_still_differs_is_shown(applied: Callable[..., Ended]) -> None:
    ended = applied(world(plan(create()), plan(create())), "--auto-approve")
    assert ended.code == 3
    assert "Verified: these differences remain.\n" in ended.out
    assert ended.out.endswith("Plan: 1 to create, 0 to change, 0 to delete, 0 to run.\n")


def test_what_could_not_be_read_is_no_difference(applied: Callable[..., Ended]) -> None:
    gone = Diagnostic("unreachable", "No connection", "px-3: connection refused", address="host.px-3")
    ended = applied(world(plan(create()), plan(problems=(gone,))), "--auto-approve")
    assert ended.code == 3
    assert "\nNot verified: no difference was found, but not everything could be read.\n" in ended.out
    assert "these differences remain" not in ended.out


def test_jobs_that_every_apply_starts_are_no_difference(applied: Callable[..., Ended]) -> None:
    ended = applied(world(plan(run()), plan(run())), "--auto-approve")
    assert ended.code == 0
    assert "no differences remain" in ended.out


def test_what_cannot_be_seen_is_no_difference_but_said(applied: Callable[..., Ended]) -> None:
    hidden = (UnknownField("proxy.a", "port", "offline"),)
    ended = applied(world(plan(create()), plan(unknown=hidden)), "--auto-approve")
    assert ended.code == 0
    assert "no differences remain; 1 field is not observable." in ended.out


def test_a_host_that_cannot_be_reached_makes_it_partial(applied: Callable[..., Ended]) -> None:
    ended = applied(world(plan(create(), problems=(UNREACHABLE,)), plan(problems=(UNREACHABLE,))), "--auto-approve")
    assert ended.code == 3
    assert applied(world(plan(problems=(UNREACHABLE,))), "--auto-approve").code == 1


def test_a_refused_plan_is_shown_and_not_applied(applied: Callable[..., Ended]) -> None:
    made = world(plan(create(), refusals=(Refusal("takeover", "proxy.a belongs to another server"),)))
    ended = applied(made, "--auto-approve")
    assert ended.code == 4
    assert "! takeover (refused): proxy.a belongs to another server" in ended.out
    assert made.wrote == []


def test_a_waived_plan_is_applied(applied: Callable[..., Ended]) -> None:
    waived = plan(create(), refusals=(Refusal("takeover", "it belongs to another server", (), "agreed"),))
    assert applied(world(waived, plan()), "--auto-approve", "--waive", "takeover=agreed").code == 0


def test_an_interrupt_ends_with_what_was_done(applied: Callable[..., Ended]) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert context.stop.wait(10)

    waiting = Change("job.weekly", Action.RUN, (), Cause(Reason.CHAIN), depends_on=("create:job.daily",))
    made = world(plan(create(), waiting), plan())
    ended = applied(made, "--auto-approve", do=do)
    assert ended.code == 143
    assert WAITING in ended.err
    assert "Applied: 1 done, 0 failed, 0 skipped, 1 not started.\n" in ended.out
    assert len(made.looks) == 1


def test_everything_for_programs(applied: Callable[..., Ended]) -> None:
    lab = FakeLab([{"proxy": "old", "from": "a", "to": ["b"], "subject": "before"}])

    def do(context: Any, step: Any, report: Callable[[str], None]) -> str:
        lab.sent.append({"proxy": "px-1", "from": "a", "to": ["b"], "subject": "[Success] daily"})
        return "Success"

    ended = applied(world(plan(run()), plan(), lab=lab), "--auto-approve", "--format", "json", do=do)
    data = json.loads(ended.out)
    assert data["plan"]["counts"]["run"] == 1
    assert [item["outcome"] for item in data["outcomes"]] == ["done"]
    assert [mail["subject"] for mail in data["mails"]] == ["[Success] daily"]
    assert data["after"]["empty"] is True
    assert data["exit_code"] == ended.code == 0


def test_the_lab_shows_the_mails_and_says_that_it_is_the_lab(applied: Callable[..., Ended]) -> None:
    lab = FakeLab()

    def do(context: Any, step: Any, report: Callable[[str], None]) -> str:
        lab.sent.append({"proxy": "px-1", "from": "vbo@x", "to": ["b@x"], "subject": "[Success] daily"})
        return "Success"

    ended = applied(world(plan(run(), lab=True), plan(lab=True), lab=lab), "--auto-approve", do=do)
    assert "This is the lab" in ended.out
    assert "  px-1   vbo@x  b@x  [Success] daily\n" in ended.out
    assert "Verified (in the lab)" in ended.out


def with_jobs(*names: str) -> FakeWorld:
    made = world(plan(), lab=FakeLab())
    resources = {Address(f"job.{name}"): live_job(name, lastStatus="Success") for name in names}
    made.live = Live(SERVER, resources, {}, {})
    return made


def test_jobs_are_run_by_name(monkeypatch: pytest.MonkeyPatch, steps: Callable[[Do], None]) -> None:
    ran: list[str] = []
    steps(lambda context, step, report: ran.append(step.name))
    install(monkeypatch, with_jobs("daily", "weekly"))
    ended = call("jobs", "run", "weekly", "daily", "weekly", "x.yml")
    assert ended.code == 0
    assert sorted(ran) == ["daily", "weekly"]
    assert "Applied: 2 done" in ended.out


def test_the_inventory_may_come_before_the_names_of_jobs(
    monkeypatch: pytest.MonkeyPatch, steps: Callable[[Do], None], tmp_path: Path
) -> None:
    ran: list[str] = []
    steps(lambda context, step, report: ran.append(step.name))
    install(monkeypatch, with_jobs("daily", "weekly"))
    file = tmp_path / "x.yml"
    file.write_text("name: corp\n", encoding="utf-8")
    assert call("jobs", "run", str(file), "weekly", "daily").code == 0
    assert sorted(ran) == ["daily", "weekly"]


def test_a_job_that_is_not_declared_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, with_jobs("daily"))
    ended = call("jobs", "run", "dayly", "x.yml")
    assert ended.code == 64
    assert "declares no job 'dayly'. Did you mean daily?" in ended.err


def test_a_job_that_the_server_does_not_have_is_not_run(
    monkeypatch: pytest.MonkeyPatch, steps: Callable[[Do], None]
) -> None:
    steps(lambda context, step, report: None)
    install(monkeypatch, with_jobs("daily"))
    ended = call("jobs", "run", "weekly", "daily", "x.yml", "--format", "json")
    assert ended.code == 3
    ends = {item["address"]: item["outcome"] for item in json.loads(ended.out)["outcomes"]}
    assert ends == {"job.weekly": "skipped", "job.daily": "done"}


def test_jobs_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, with_jobs("daily", "foreign"))
    ended = call("jobs", "list", "x.yml")
    assert ended.code == 0
    assert ended.out.splitlines()[1:] == [
        "daily                   contoso.example.com  disk        Success      unknown         none",
        "foreign (not declared)  contoso.example.com  disk        Success      unknown         none",
    ]
    data = json.loads(call("jobs", "list", "x.yml", "--format", "json").out)
    assert [job["declared"] for job in data["jobs"]] == [True, False]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ({"lastRun": "2026-10-03T22:00:11.1234567Z", "lastStatus": "Success"}, ["2026-10-03 22:00", "none"]),
        ({"nextRun": "2026-10-03T22:00:00+02:00"}, ["never", "2026-10-03 20:00"]),
        ({"lastStatus": "Success", "lastRun": "soon", "isEnabled": False}, ["soon", "none"]),
    ],
    ids=["run", "planned", "no time"],
)
def test_times_of_jobs_are_for_people(monkeypatch: pytest.MonkeyPatch, raw: dict[str, Any], shown: list[str]) -> None:
    made = with_jobs()
    made.live = Live(SERVER, {Address("job.daily"): live_job("daily", **raw)}, {}, {})
    install(monkeypatch, made)
    header, line = call("jobs", "list", "x.yml").out.splitlines()
    assert "LAST RUN (UTC)" in header
    assert re.split(r"  +", line)[-2:] == shown


LATE = Report("proxy.px-1", "proxy-not-reached", "the host answers")


@pytest.mark.parametrize(("answers", "rescans"), [("yes\nyes\n", [["px-1"]]), ("no\nyes\n", []), ("no\nno\n", [])])
def test_nothing_is_sent_before_somebody_is_asked(
    monkeypatch: pytest.MonkeyPatch, steps: Callable[[Do], None], answers: str, rescans: list[list[str]]
) -> None:
    steps(lambda context, step, report: None)
    late = replace(plan(run()), reports=(LATE,))
    made = world(late, late, plan())
    proxy = Resource("proxy", "px-1", {"name": "px-1", "host": "px-1.example.com"})
    made.inventory = replace(made.inventory, resources={**made.inventory.resources, proxy.address: proxy})
    install(monkeypatch, made)
    ended = call("apply", "x.yml", answer=answers, terminal=True)
    assert "Let the server rescan, before the plan is made?" in ended.err
    assert made.rescanned == rescans
    assert ended.err.index("rescan") < ended.err.index("Apply these changes?")


def test_no_jobs_are_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, with_jobs())
    assert call("jobs", "list", "x.yml").out == "The server has no jobs.\n"


def test_a_test_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        def get(self, path: str) -> dict[str, Any]:
            return {"smtpServer": "smtp.example.com", "port": 587, "from": "a@example.com", "to": "b@example.com"}

    made = with_jobs()
    made.reader = Reader()
    install(monkeypatch, made)
    ended = call("smtp", "test", "x.yml")
    assert ended.code == 0
    assert made.wrote == ["VboEmailSettings/SendTestEmail"]
    assert "from a@example.com to b@example.com through smtp.example.com:587" in ended.out
    assert "  server " in ended.out
