"""Upgrades of repositories: one session, followed through restarts of the server to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply import ConcurrencyLimits
from reconciler.apply.steps import NotBegun, NotFollowed, StepFailed, StillRunning, repository_upgrades
from reconciler.apply.steps.repository_upgrades import upgrade_repository
from reconciler.model.errors import RemoteError, ScriptFailed, Unreachable
from reconciler.model.plan import Action, Cause, Change, Reason
from reconciler.model.steps import UpgradeRepository
from tests.apply.fakes import HOST, FakeServer, fake_context

STEP = UpgradeRepository(name="disk", id="r", owner="proxy.px-1")
LATE = {"outdated": True, "active": False, "session": None, "started": False}
STARTED = {**LATE, "active": True, "session": "Running", "started": True}
RUNNING = {**STARTED, "started": False}
DONE = {**LATE, "outdated": False}
AWAY = {"away": "the service is not running"}
GONE = Unreachable(HOST, "connecting", "refused")

Answer = Mapping[str, Any] | RemoteError


class Run:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Answer | list[Answer]) -> None:
        self.answers: list[Answer] = []
        for part in answers:
            self.answers += part if isinstance(part, list) else [part]
        self.starts: list[bool] = []
        self.news: list[str] = []
        self.on_look: Callable[[], None] = lambda: None
        self.context = fake_context(FakeServer({}))
        server = replace(self.context.access.server, powershell=cast("Any", "WinRM"))
        self.context.access = replace(self.context.access, server=server)
        monkeypatch.setattr(repository_upgrades, "run_script", self._script)

    def _script(self, context: Any, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert (name, arguments["id"]) == ("server/upgrade-repository.ps1", "r")
        self.starts.append(arguments["start"])
        self.on_look()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, RemoteError):
            raise answer
        return answer

    def __call__(self) -> str | None:
        return upgrade_repository(self.context, STEP, self.news.append)


def test_it_is_started_once_and_followed_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, STARTED, [{**RUNNING, "session": f"{part} %"} for part in (10, 10, 90)], DONE)
    assert run() == "up to date"
    assert run.starts == [True, False, False, False, False]
    assert run.news == ["upgrading: Running", "upgrading: 10 %", "upgrading: 90 %"]


def test_what_runs_already_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Run(monkeypatch, RUNNING, DONE)() == "up to date"
    assert Run(monkeypatch, DONE)() == "it is up to date already"


def test_it_takes_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, STARTED, [RUNNING] * 2000, DONE)
    assert run() == "up to date"
    assert run.context.clock() > 8 * 3600


@pytest.mark.parametrize("outage", [[AWAY, AWAY], [GONE], [GONE, AWAY]])
def test_after_a_restart_of_the_server_it_is_looked_for_and_started_again(
    monkeypatch: pytest.MonkeyPatch, outage: list[Answer]
) -> None:
    run = Run(monkeypatch, STARTED, outage, STARTED, DONE)
    assert run() == "up to date"
    assert run.starts == [True] + [False] + [True] * len(outage) + [False]


@pytest.mark.parametrize(("status", "says"), [(None, "its session is gone"), ("Failed", "its session ended as Failed")])
def test_a_session_that_ends_without_a_result_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, status: str | None, says: str
) -> None:
    run = Run(monkeypatch, STARTED, {**LATE, "session": status})
    with pytest.raises(StepFailed, match=f"still out of date: {says}"):
        run()
    assert run.starts == [True, False, False, False]


def test_a_server_that_is_late_to_show_its_session_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Run(monkeypatch, {**LATE, "started": True}, LATE, RUNNING, LATE, LATE, DONE)() == "up to date"


def test_what_the_server_starts_itself_at_the_same_moment_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, ScriptFailed(HOST, "running the script", "It is being upgraded already."), RUNNING, DONE)
    assert run() == "up to date"
    assert run.starts == [True, False, False]


@pytest.mark.parametrize(
    ("found", "follows"), [(RUNNING, True), (DONE, True), (LATE, False), ({**LATE, "outdated": None}, False)]
)
def test_what_the_script_finds_after_a_refusal_decides(
    monkeypatch: pytest.MonkeyPatch, found: Answer, follows: bool
) -> None:
    run = Run(monkeypatch, ScriptFailed(HOST, "running the script", "refused"), found, DONE)
    if follows:
        assert run() in ("up to date", "it is up to date already")
    else:
        with pytest.raises(ScriptFailed, match="refused"):
            run()


def test_a_refused_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScriptFailed, match="Upgrade it first"):
        Run(monkeypatch, ScriptFailed(HOST, "running the script", "Upgrade it first."))()


def test_an_upgrade_without_end_is_left_to_the_next_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFollowed, match="not at its end after 24 h"):
        Run(monkeypatch, RUNNING)()


def test_an_interrupt_leaves_it_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, RUNNING)
    run.on_look = run.context.stop.set
    with pytest.raises(StillRunning):
        run()
    run = Run(monkeypatch, RUNNING)
    run.context.stop.set()
    with pytest.raises(NotBegun):
        run()
    assert run.starts == []


def test_without_powershell_the_server_is_waited_for() -> None:
    server = FakeServer({"BackupRepositories/r": {"id": "r", "isOutdated": True}})
    context = fake_context(server)
    with pytest.raises(StepFailed, match="did not upgrade it itself within 1800 s; declare `server"):
        upgrade_repository(context, STEP, list[str]().append)
    server.objects["BackupRepositories/r"]["isOutdated"] = False
    assert upgrade_repository(context, STEP, list[str]().append) == "upgraded by the server itself"


def test_a_proxy_upgrades_one_repository_at_a_time() -> None:
    def change(name: str, owner: str) -> Change:
        step = UpgradeRepository(name=name, id=name, owner=owner)
        return Change(f"repository.{name}", Action.UPGRADE, (), Cause(Reason.DRIFT), (step,))

    limits = ConcurrencyLimits()
    used = Counter(limits.of(change("a", "proxy.px-1")))
    assert not limits.are_free(limits.of(change("b", "proxy.px-1")), used)
    assert limits.are_free(limits.of(change("b", "proxy.px-2")), used)
