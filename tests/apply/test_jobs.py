"""Following a job: to its result, or until somebody interrupts the run."""

from __future__ import annotations

import threading

import pytest

from reconciler.apply.steps import RUN, NotBegun, StillRunning
from reconciler.model.errors import ReconcileError
from reconciler.model.steps import RunJob
from tests.apply.fakes import Clock, FakeServer, fake_context

SESSION = {"id": "s-1", "jobId": "id-daily", "status": "Running", "progress": 3}


class Ringing(Clock):
    """Somebody interrupts the run after some seconds."""

    def __init__(self, stop: threading.Event, at: float) -> None:
        super().__init__()
        self.stop, self.at = stop, at

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.now >= self.at:
            self.stop.set()


def interrupted_while(server: FakeServer, error: type[ReconcileError]) -> list[str]:
    """Run the job `daily` until the interrupt; what was told."""
    stop, told = threading.Event(), list[str]()
    place = fake_context(server, clock=Ringing(stop, 20))
    place.stop = stop
    place.naming.learn("job", "daily", "id-daily")
    with pytest.raises(error) as caught:
        RUN["job.run"](place, RunJob(name="daily"), told.append)
    return [*told, str(caught.value)]


def test_an_interrupt_ends_the_following_and_not_the_job() -> None:
    server = FakeServer({"Jobs/id-daily": {"lastStatus": "Success"}, "JobSessions/s-1": SESSION}, rest=7)
    server.act_as = lambda path, action, body: server.lists.update(JobSessions=[SESSION])
    assert interrupted_while(server, StillRunning) == ["running, 3 objects", "daily goes on at the server"]
    assert [(path, action) for path, action, _ in server.acts] == [("Jobs/id-daily", "start")]


def test_an_interrupt_ends_the_wait_for_another_session_and_nothing_is_started() -> None:
    server = FakeServer({"Jobs/id-daily": {"lastStatus": "Running"}})
    assert interrupted_while(server, NotBegun) == [
        "waiting for the session that runs already",
        "the run was interrupted while another session of the job was running",
    ]
    assert server.acts == []
