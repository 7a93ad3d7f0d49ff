"""Steps understand the API's words in any letter case, and a word that they do not know leads to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.apply.steps import RUN, NotFollowed, NotStarted, StepFailed
from reconciler.apply.steps.deployment import wait_online
from reconciler.model.errors import DeadlineExceeded
from reconciler.model.steps import ClearMaintenance, DeleteObject, EnterMaintenance, MoveRepository, RunJob, VerifyProxy
from tests.apply.fakes import FakeServer, fake_context

PATH = "Proxies/id-px-1"
LOGIN: dict[str, Any] = {"name": "px-1", "host": "px-1.example.net", "os": "windows", "credentials": "local"}
UNKNOWN = [None, "", "Strange", 1]

Spell = Callable[[str], str]


def camel(word: str) -> str:
    return word[:1].lower() + word[1:]


spelled = pytest.mark.parametrize(
    "spell", [str, str.lower, str.upper, camel], ids=["as it is", "lower", "upper", "camel"]
)


def member(**raw: Any) -> FakeServer:
    """A server with one proxy, which maintenance mode changes at once."""
    server = FakeServer({PATH: {"status": "Online", "version": "8.6.0.100", **raw}})

    def act(path: str, action: str, body: Any) -> None:
        if action.startswith("maintenance/"):
            server.objects[path]["maintenanceModeState"] = "enabled" if action.endswith("/enable") else "disabled"

    server.act_as = act
    return server


def do(server: FakeServer, step: Any) -> list[str]:
    """The actions that the step takes."""
    context = fake_context(server, "px-1")
    for kind, name in (("job", "daily"), ("repository", "disk"), ("proxy", "b")):
        context.naming.learn(kind, name, f"id-{name}")
    RUN[step.verb](context, step, lambda line: None)
    return [action for _, action, _ in server.acts]


@spelled
def test_maintenance_mode_that_is_set_is_not_set_again(spell: Spell) -> None:
    step = EnterMaintenance(**LOGIN, deadline=5, then="fail")
    assert do(member(maintenanceModeState=spell("Enabled")), step) == []
    assert do(member(maintenanceModeState=spell("Disabled")), step) == ["maintenance/enable"]


@spelled
def test_maintenance_mode_that_is_cleared_is_not_cleared_again(spell: Spell) -> None:
    assert do(member(maintenanceModeState=spell("Disabled")), ClearMaintenance(**LOGIN)) == []
    assert do(member(maintenanceModeState=spell("Enabled")), ClearMaintenance(**LOGIN)) == ["maintenance/disable"]


@pytest.mark.parametrize("word", UNKNOWN)
def test_maintenance_mode_is_not_set_while_it_is_unknown(word: Any) -> None:
    server = member(maintenanceModeState=word)
    with pytest.raises(StepFailed, match="not in maintenance"):
        do(server, EnterMaintenance(**LOGIN, deadline=5, then="fail"))
    assert server.acts == []


@pytest.mark.parametrize("word", UNKNOWN)
def test_maintenance_mode_of_ours_is_cleared_even_while_it_is_unknown(word: Any) -> None:
    assert do(member(maintenanceModeState=word), ClearMaintenance(**LOGIN)) == ["maintenance/disable"]


@spelled
@pytest.mark.parametrize(
    ("status", "maintenance", "works"),
    [("Online", "Disabled", True), ("Offline", "Enabled", True), ("Offline", "Enabling", False)],
)
def test_a_proxy_works_again(spell: Spell, status: str, maintenance: str, works: bool) -> None:
    server = member(status=spell(status), maintenanceModeState=spell(maintenance))
    step = VerifyProxy(name="px-1", version="8.6.0.100")
    if works:
        do(server, step)
    else:
        with pytest.raises(StepFailed, match="it is Offline, 8"):
            do(server, step)


@pytest.mark.parametrize("word", UNKNOWN)
def test_a_proxy_of_unknown_status_does_not_work(word: Any) -> None:
    with pytest.raises(StepFailed, match=r"it is of unknown status, 8\.6\.0\.100"):
        do(member(status=word), VerifyProxy(name="px-1", version="8.6.0.100"))
    with pytest.raises(DeadlineExceeded):
        wait_online(fake_context(member(status=word)), "px-1", "id-px-1")


@spelled
def test_a_new_proxy_comes_online(spell: Spell) -> None:
    server = member(status=spell("Online"))
    assert wait_online(fake_context(server), "px-1", "id-px-1") == "online, 8.6.0.100"


@pytest.mark.parametrize(
    ("status", "force"),
    [*[(word, True) for word in ("Offline", "offline", "OFFLINE")], *[(word, False) for word in ("online", *UNKNOWN)]],
)
def test_force_takes_a_proxy_that_is_known_to_be_offline(status: Any, force: bool) -> None:
    server = member(status=status, description="x [vbo-reconcile:corp]")
    step = DeleteObject(kind="proxy", name="px-1", id="id-px-1", owner="corp", force=True, credentials="")
    assert do(server, step) == ["Remove"]
    assert server.acts[0][2] == {"force": force}


def job(rest: int, last: Any, result: str) -> FakeServer:
    """A server whose job has `last` as its status and ends with `result` if it is started."""
    session = {"id": "s-1", "jobId": "id-daily", "status": result, "progress": 3}
    lists = {"JobSessions/s-1/LogItems": [{"message": "full disk"}]}
    server = FakeServer({"Jobs/id-daily": {"lastStatus": last}, "JobSessions/s-1": session}, lists, rest)
    collection = "Jobs/id-daily/JobSessions" if rest < 7 else "JobSessions"
    server.act_as = lambda path, action, body: server.lists.update({collection: [session]})
    return server


@spelled
@pytest.mark.parametrize("rest", [5, 6, 7])
def test_a_job_ends_with_its_result(rest: int, spell: Spell) -> None:
    for good in ("Success", "Warning"):
        assert do(job(rest, spell("Stopped"), spell(good)), RunJob(name="daily")) == ["start"]
    for bad in ("Failed", "Stopped"):
        with pytest.raises(StepFailed, match=f"the job ended as {bad}"):
            do(job(rest, None, spell(bad)), RunJob(name="daily"))


@spelled
@pytest.mark.parametrize("word", ["Running", "Queued"])
def test_a_job_that_runs_is_not_started(word: str, spell: Spell) -> None:
    server = job(7, spell(word), "Success")
    with pytest.raises(NotStarted, match="another session of the job was running for 1800 s"):
        do(server, RunJob(name="daily"))
    assert server.acts == []


@pytest.mark.parametrize("word", [*UNKNOWN, "Running", "Queued"])
def test_a_session_without_a_known_end_is_followed(word: Any) -> None:
    with pytest.raises(NotFollowed, match="no news of its session for 1800 s; the next apply follows it"):
        do(job(7, "Success", word), RunJob(name="daily"))


def moving(status: Any, after: Any = "Succeeded") -> FakeServer:
    """A server with a session that moves a repository to the proxy `b`, and ends as `after` when it is looked at."""
    session = {"id": "s", "status": status, "toOwnerId": "id-b", "repositoryIds": ["id-disk"], "details": "too late"}
    return FakeServer(
        {
            "BackupRepositories/id-disk": {"id": "id-disk", "proxyId": "id-px-1"},
            "RepositoryOwnerChangeSessions/s": {**session, "status": after},
        },
        {"RepositoryOwnerChangeSessions": [session]},
    )


@spelled
@pytest.mark.parametrize("word", ["Waiting", "Running"])
def test_a_move_that_runs_is_followed_to_its_end(word: str, spell: Spell) -> None:
    step = MoveRepository(name="disk", to="proxy.b")
    assert do(moving(spell(word), spell("Succeeded")), step) == []
    with pytest.raises(StepFailed, match="too late"):
        do(moving(spell(word), spell("Failed")), step)


@pytest.mark.parametrize("word", UNKNOWN)
def test_a_move_without_a_known_end_is_followed(word: Any) -> None:
    with pytest.raises(DeadlineExceeded):
        do(moving("Running", word), MoveRepository(name="disk", to="proxy.b"))
