"""Plans, people, clocks and stories for the tests of the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from reconciler.journal import RunRecorder, Who
from reconciler.model.event import ChangeEnded, ChangeStarted, Outcome, StepDone, StepStarted
from reconciler.model.plan import ChangeKey

START = datetime(2026, 10, 3, 20, 0, tzinfo=UTC)
WHO = Who("alice", "ci-7", "octocat", "https://git.example.com/jobs/12", "0123abc")


class Ticking:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def counted(prefix: str) -> Callable[[], str]:
    """Ids A01, A02, …"""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):02}"


def plan(*names: str, **more: Any) -> dict[str, Any]:
    """The JSON form of a plan that updates these proxies."""
    changes = [
        {"key": key(name), "address": f"proxy.{name}", "action": "update", "fields": [], "steps": []} for name in names
    ]
    return {
        "format_version": "1.0",
        "inventory": {"name": "corp", "digest": "d1"},
        "server": {"host": "vbo01.corp.example.com", "rest": "v8", "build": "8.5"},
        "lab": False,
        "changes": changes,
        **more,
    }


def key(name: str) -> ChangeKey:
    return ChangeKey("update", f"proxy.{name}")


def started(run: RunRecorder, name: str, step: int = 0) -> None:
    """As the engine reports it, up to the moment before the side effect of this step."""
    run.listen(ChangeStarted(key(name), f"proxy.{name}", "update"))
    for index in range(step):
        run.permit(StepStarted(key(name), index, f"step {index}"))
        run.listen(StepDone(key(name), index, f"step {index}", 0.5))
    run.permit(StepStarted(key(name), step, f"step {step}"))


def ended(run: RunRecorder, name: str, outcome: Outcome = Outcome.DONE, **more: Any) -> None:
    run.listen(ChangeEnded(key(name), f"proxy.{name}", "update", outcome, **more))


def done(run: RunRecorder, name: str) -> None:
    """A whole change of one step."""
    started(run, name)
    run.listen(StepDone(key(name), 0, "step 0", 0.5))
    ended(run, name, seconds=0.5)
