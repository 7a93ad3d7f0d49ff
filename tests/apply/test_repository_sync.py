"""Synchronizations of repositories: one session, followed through restarts of the server until it is in sync."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.apply.steps import RUN, NotBegun, NotFollowed, StepFailed, StillRunning
from reconciler.model.errors import Conflict, ConnectionLost, Missing, Refused, RemoteError, Unreachable
from reconciler.model.steps import SyncRepository
from tests.apply.fakes import HOST, Clock, FakeServer, fake_context

STEP = SyncRepository(name="cloud", id="r")
SESSIONS = "RepositorySynchronizeSessions"


class Server(FakeServer):
    """A repository out of sync, whose session takes a minute; `ended` is what is left of a session that has ended."""

    def __init__(self, *, ended: dict[str, Any] | None = None, seconds: float = 60.0) -> None:
        super().__init__({"BackupRepositories/r": {"id": "r", "isOutOfSync": True}})
        self.ended, self.seconds = ended, seconds
        self.clock = Clock()
        self.context = fake_context(self, clock=self.clock)
        self.until = 0.0
        self.news: list[str] = []
        self.progress = True
        self.refuses: Callable[[], RemoteError | None] = lambda: None
        self.fails: Callable[[], RemoteError | None] = lambda: None
        self.starts: Callable[[], dict[str, Any]] = self.begin

    def get(self, path: str) -> dict[str, Any]:
        if (error := self.fails()) is not None:
            raise error
        over = bool(self.until) and self.clock.now >= self.until
        if over and self.ended != {"state": "Failed", "error": "no bucket"}:
            self.objects["BackupRepositories/r"]["isOutOfSync"] = False
        if not path.startswith(SESSIONS):
            return super().get(path)
        if over and self.ended is None:
            raise Missing(HOST, f"GET {path}", "no such session", status=404)
        return {**self.session(), **(self.ended or {})} if over else self.session()

    def list(self, path: str, **query: Any) -> list[dict[str, Any]]:
        other = {"id": "s-0", "repositoryId": "other", "state": "Synchronizing"}
        old = {"id": "s-1", "repositoryId": "r", "state": "Failed", "error": "long ago"}
        return [other, old, *([self.session()] if self.until > self.clock.now else [])]

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        super().act(path, action, body)
        if (error := self.refuses()) is not None:
            raise error
        return self.starts()

    def begin(self) -> dict[str, Any]:
        self.until = self.clock.now + self.seconds
        return self.session()

    def session(self) -> dict[str, Any]:
        done = 100 - int(100 * max(0.0, self.until - self.clock.now) / self.seconds)
        state = "Synchronizing" if self.until else "None"
        shown = {"progressPercent": done} if self.progress else {}
        return {"id": "s-2", "repositoryId": "R", "state": state, **shown}

    def run(self) -> str | None:
        return RUN["repository.sync"](self.context, STEP, self.news.append)


@pytest.mark.parametrize("ended", [None, {"state": "None"}])
def test_it_is_started_once_and_followed_with_progress(ended: dict[str, Any] | None) -> None:
    server = Server(ended=ended)
    assert server.run() == "in sync"
    assert server.acts == [("BackupRepositories/r", "Sync", None)]
    assert server.clock.now >= 60.0
    assert server.news[0] == "synchronizing: 0 %"
    assert len(server.news) == len(set(server.news)) > 2


def test_one_that_runs_already_is_followed() -> None:
    server = Server()
    server.begin()
    assert (server.run(), server.acts) == ("in sync", [])


def test_a_session_without_progress_is_reported_once() -> None:
    server = Server()
    server.progress = False
    assert (server.run(), server.news) == ("in sync", ["synchronizing"])


def test_what_is_in_sync_is_left_alone() -> None:
    server = Server()
    server.objects["BackupRepositories/r"]["isOutOfSync"] = False
    assert (server.run(), server.acts) == ("it is in sync already", [])


def test_one_that_was_started_a_moment_before_is_followed() -> None:
    server = Server()

    def refuses() -> RemoteError:
        server.begin()
        return Conflict(HOST, "POST", "is being synchronized already", status=409)

    server.refuses = refuses
    assert (server.run(), len(server.acts)) == ("in sync", 1)


def test_a_start_whose_answer_is_lost_is_followed() -> None:
    server = Server()

    def refuses() -> RemoteError:
        server.begin()
        return ConnectionLost(HOST, "POST", "reset")

    server.refuses = refuses
    assert (server.run(), len(server.acts)) == ("in sync", 1)


@pytest.mark.parametrize("status", [400, 409, 500])
def test_a_refusal_is_a_failure(status: int) -> None:
    server = Server()
    error = (Conflict if status == 409 else Refused)(HOST, "POST", "not now", status=status)
    server.refuses = lambda: error
    with pytest.raises((StepFailed, Conflict), match="not now"):
        server.run()
    assert len(server.acts) == 1


def test_a_session_that_fails_is_a_failure_with_its_reason() -> None:
    server = Server(ended={"state": "Failed", "error": "no bucket"})
    with pytest.raises(StepFailed, match="the synchronization failed: no bucket"):
        server.run()


def test_a_session_that_ends_without_a_result_is_a_failure() -> None:
    server = Server(ended={"state": "None"})
    server.starts = lambda: {"id": "s-2"}
    with pytest.raises(StepFailed, match="still out of sync, and no session synchronizes it"):
        server.run()


class Forgetful(Server):
    """Shows no session that it has started. The repository is in sync after `looks` at the session."""

    looks = 0

    def get(self, path: str) -> dict[str, Any]:
        if not path.startswith(SESSIONS):
            return super().get(path)
        self.looks -= 1
        self.objects["BackupRepositories/r"]["isOutOfSync"] = self.looks != 0
        raise Missing(HOST, f"GET {path}", "no such session", status=404)


@pytest.mark.parametrize(("looks", "is_in_sync"), [(1, True), (2, True), (3, False)])
def test_a_session_that_is_gone_may_have_done_its_work(looks: int, is_in_sync: bool) -> None:
    server = Forgetful(seconds=3600.0)
    server.looks = looks
    if is_in_sync:
        assert server.run() == "in sync"
    else:
        with pytest.raises(StepFailed, match="still out of sync, and no session synchronizes it"):
            server.run()
    assert len(server.acts) == 1


def test_after_a_restart_of_the_server_it_is_started_again() -> None:
    server = Server()
    gone = Unreachable(HOST, "connecting", "refused")

    def fails() -> RemoteError | None:
        if 20.0 <= server.clock.now < 80.0:
            server.until = 0.0  # the session is lost
            return gone
        return None

    server.fails = fails
    assert (server.run(), len(server.acts)) == ("in sync", 2)


def test_an_interrupt_leaves_it_to_the_next_apply() -> None:
    server = Server()
    server.context.stop.set()
    with pytest.raises(NotBegun):
        server.run()
    server.context.stop.clear()

    def started() -> dict[str, Any]:
        server.context.stop.set()
        return server.begin()

    server.starts = started
    with pytest.raises(StillRunning, match="the synchronization of cloud goes on at the server"):
        server.run()


def test_it_is_followed_for_a_day_and_then_left_to_the_next_apply() -> None:
    with pytest.raises(NotFollowed, match="not at its end after 24 h; the next apply follows it"):
        Server(seconds=100 * 3600.0).run()
