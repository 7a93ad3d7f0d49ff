"""Enabling and disabling jobs: nothing is sent if it is not known, or is so already; and it is read back."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply.retry import with_retry
from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.errors import ConnectionLost
from reconciler.model.steps import SwitchJob
from tests.apply.fakes import FakeServer, fake_context

PATH = "Jobs/id-daily"
JOB = {"id": "id-daily", "name": "daily", "eTag": 1, "description": "x", "schedulePolicy": {"retryNumber": 3}}


class Server(FakeServer):
    """One whose actions do what `does` says beside what is asked for, and whose first answer may be lost."""

    does: dict[str, Any]
    lost = False

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        self.acts.append((path, action, body))
        self.objects[path] |= {"isEnabled": action == "enable", "eTag": 2} | self.does
        if self.lost:
            self.lost = False
            raise ConnectionLost("vbo01", f"POST {path}/{action}", "reset")
        return {}


def switched(enabled: bool, live: dict[str, Any], does: dict[str, Any] | None = None, *, lost: bool = False) -> Server:
    server = Server({PATH: {**JOB, **live}})
    server.does, server.lost = does or {}, lost
    context = fake_context(server)
    context.naming.learn("job", "daily", "id-daily")
    step = SwitchJob(name="daily", enabled=enabled)
    with_retry(context, step, lambda: RUN["job.switch"](context, step, lambda line: None), lambda line: None)
    assert context.first_reads.pending == []
    return server


@pytest.mark.parametrize("enabled", [True, False])
def test_an_action_of_the_api_does_it(enabled: bool) -> None:
    server = switched(enabled, {"isEnabled": not enabled})
    assert server.acts == [(PATH, "enable" if enabled else "disable", None)]
    assert server.objects[PATH]["isEnabled"] is enabled


def test_what_is_so_already_is_not_asked_for() -> None:
    assert switched(True, {"isEnabled": True}).acts == []


@pytest.mark.parametrize("live", [{}, {"isEnabled": None}, {"isEnabled": "yes"}])
def test_nothing_is_sent_if_the_server_does_not_show_it(live: dict[str, Any]) -> None:
    with pytest.raises(StepFailed, match="nothing was sent"):
        switched(True, live)


def test_a_server_that_accepts_it_and_does_nothing_is_a_failure() -> None:
    with pytest.raises(StepFailed, match="the server accepted it, and the job is still disabled"):
        switched(True, {"isEnabled": False}, {"isEnabled": False})


@pytest.mark.parametrize("lost", [False, True])
def test_what_changes_besides_is_a_failure(lost: bool) -> None:
    with pytest.raises(StepFailed, match=r"more differs than the plan shows: `schedulePolicy.retryNumber`: `3` -> `1`"):
        switched(True, {"isEnabled": False}, {"schedulePolicy": {"retryNumber": 1}}, lost=lost)


def test_a_lost_answer_is_no_failure() -> None:
    assert len(switched(True, {"isEnabled": False}, lost=True).acts) == 1
