"""Following a job: to its result, or until a user interrupts the run."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from reconciler.apply.steps import RUN, NotBegun, StepFailed, StillRunning
from reconciler.model.errors import ReconcileError
from reconciler.model.steps import RunJob
from tests.apply.fakes import Clock, FakeServer, fake_context

SESSION = {"id": "s-1", "jobId": "id-daily", "status": "Running", "progress": 3}


class Ringing(Clock):
    """A user interrupts the run after some seconds."""

    def __init__(self, stop: threading.Event, at: float) -> None:
        super().__init__()
        self.stop, self.at = stop, at

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.now >= self.at:
            self.stop.set()


def interrupted_while(server: FakeServer, error: type[ReconcileError]) -> list[str]:
    """Run the job `daily` until the interrupt; what was reported."""
    stop, answer = threading.Event(), list[str]()
    place = fake_context(server, clock=Ringing(stop, 20))
    place.stop = stop
    place.naming.learn("job", "daily", "id-daily")
    with pytest.raises(error) as caught:
        RUN["job.run"](place, RunJob(name="daily"), answer.append)
    return [*answer, str(caught.value)]


def test_an_interrupt_ends_the_following_and_not_the_job() -> None:
    server = FakeServer({"Jobs/id-daily": {"lastStatus": "Success"}, "JobSessions/s-1": SESSION}, rest=7)
    server.act_as = lambda path, action, body: server.lists.update(JobSessions=[SESSION])
    assert interrupted_while(server, StillRunning) == ["running, 3 objects", "daily goes on at the server"]
    assert [(path, action) for path, action, _ in server.acts] == [("Jobs/id-daily", "start")]


def test_an_interrupt_ends_the_wait_for_another_session_and_nothing_is_started() -> None:
    server = FakeServer({"Jobs/id-daily": {"lastStatus": "Running"}})
    assert interrupted_while(server, NotBegun) == [
        "waiting for a running session of the job",
        "the run was interrupted while another session of the job was running",
    ]
    assert server.acts == []


class Starting(FakeServer):
    """Every start of a job gives the session `s-1`."""

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        super().act(path, action, body)
        return {"id": "s-1"}


@pytest.mark.parametrize("main", [{}, {"mainSessionId": "s-0"}])
def test_the_session_that_retries_a_failed_one_is_followed(main: dict[str, str]) -> None:
    """The server runs a failed job again by itself: the last session is the end."""
    first = {**SESSION, "status": "Failed", "jobWillBeRetried": True, "creationTime": "2026-01-01T02", **main}
    others = [
        {"id": "s-7", "mainSessionId": main.get("mainSessionId", "s-1"), "creationTime": "2026-01-01T01"},
        {"id": "s-2", "mainSessionId": main.get("mainSessionId", "s-1"), "creationTime": "2026-01-01T03"},
        {"id": "s-8", "mainSessionId": "another", "creationTime": "2026-01-01T09"},
    ]
    second = {"id": "s-2", "status": "Success", "progress": 7, "creationTime": "2026-01-01T03"}
    server = Starting(
        {"Jobs/id-daily": {"lastStatus": "None"}, "JobSessions/s-1": first, "JobSessions/s-2": second},
        {"JobSessions": others},
    )
    place = fake_context(server)
    place.naming.learn("job", "daily", "id-daily")
    answer: list[str] = []
    assert RUN["job.run"](place, RunJob(name="daily"), answer.append) == "Success, 7 objects"
    assert answer == ["failed, 3 objects", "success, 7 objects"]
    assert server.acts == [("Jobs/id-daily", "start", {"full": False})]


def test_a_retry_is_found_by_its_number_if_the_clock_was_set_back() -> None:
    """It is asked for since the last run of the job, which is earlier then than the beginning of what it retries."""
    first = {**SESSION, "status": "Failed", "jobWillBeRetried": True, "creationTime": "2026-01-01T02:00:00Z"}
    second = {"id": "s-2", "status": "Success", "progress": 7, "creationTime": "2026-01-01T01:00:00Z"}
    others = [first, {**second, "mainSessionId": "s-1", "retryCount": 1}]
    server = Starting(
        {
            "Jobs/id-daily": {"lastStatus": "None", "lastRun": second["creationTime"]},
            "JobSessions/s-1": first,
            "JobSessions/s-2": second,
        },
        {"JobSessions": others},
    )
    server.list = lambda path, **query: [  # type: ignore[method-assign]
        item for item in server.lists.get(path, []) if item["creationTime"] >= query.get("endTimeLowerBound", "")
    ]
    place = fake_context(server)
    place.naming.learn("job", "daily", "id-daily")
    assert RUN["job.run"](place, RunJob(name="daily"), list[str]().append) == "Success, 7 objects"


@pytest.mark.parametrize(
    ("items", "line"),
    [
        ({"type": "Error", "message": "no quota"}, "Error no quota"),
        ({"type": "Error", "message": "", "title": "no disk"}, "Error no disk"),
        ({"title": "no disk"}, "no disk"),
    ],
)
def test_the_log_of_a_job_that_failed(items: dict[str, str], line: str) -> None:
    """v8 has a message with a type, versions before it a title. The last twenty lines are enough."""
    failed = {"id": "s-1", "status": "Stopped", "details": "by hand"}
    server = Starting({"Jobs/id-daily": {"lastStatus": "x"}, "JobSessions/s-1": failed})
    server.lists["JobSessions/s-1/LogItems"] = [*[{"title": str(number)} for number in range(30)], items]
    place = fake_context(server)
    place.naming.learn("job", "daily", "id-daily")
    with pytest.raises(StepFailed, match="the job ended as Stopped: by hand") as caught:
        RUN["job.run"](place, RunJob(name="daily"), list[str]().append)
    assert (caught.value.log[-1], len(caught.value.log), caught.value.log[0]) == (line, 20, "11")


class Copying(FakeServer):
    """A copy job that ends as `ends` in its second poll; since v8 its start returns a session."""

    ends = "Success"
    polls = 0

    def get(self, path: str) -> dict[str, Any]:
        raw = super().get(path)
        if path == "CopyJobs/id-copy" and self.acts:
            self.polls += 1
            raw |= {"lastRun": "2026-01-02", "lastStatus": "Running" if self.polls == 1 else self.ends}
        return raw

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        super().act(path, action, body)
        return {"id": "s-1"} if self.rest >= 8 else {}


def copied(server: FakeServer, *, follow: bool = False) -> tuple[str | None, list[str]]:
    place, answer = fake_context(server), list[str]()
    place.naming.learn("copy_job", "copy", "id-copy")
    step = RunJob(kind="copy_job", name="copy", follow=follow)
    return RUN["job.run"](place, step, answer.append), answer


@pytest.mark.parametrize("rest", [6, 7])
def test_a_copy_job_is_followed_by_its_own_state_where_no_session_names_it(rest: int) -> None:
    copy = {"lastRun": "2026-01-01", "lastStatus": "Failed"}
    server = Copying({"CopyJobs/id-copy": copy}, rest=rest)
    assert copied(server) == ("Success", [])
    assert server.acts == [("CopyJobs/id-copy", "start", {"full": False})]
    assert server.polls == 2
    failed = Copying({"CopyJobs/id-copy": copy}, rest=rest)
    failed.ends = "Failed"
    with pytest.raises(StepFailed, match="the copy job ended as Failed: see its session in the console"):
        copied(failed)


def test_a_copy_job_is_followed_by_its_session_since_v8() -> None:
    session = {"id": "s-1", "status": "Success", "progress": 7}
    server = Copying({"CopyJobs/id-copy": {"lastStatus": "Success"}, "JobSessions/s-1": session}, rest=8)
    assert copied(server) == ("Success, 7 objects", ["success, 7 objects"])


@pytest.mark.parametrize("rest", [6, 7, 8])
def test_a_copy_job_that_an_earlier_run_started_is_not_started_again(rest: int) -> None:
    server = FakeServer({"CopyJobs/id-copy": {"lastRun": "2026-01-02", "lastStatus": "Warning"}}, rest=rest)
    assert copied(server, follow=True) == ("Warning", ["an earlier run started it"])
    assert server.acts == []


def test_an_interrupt_ends_the_following_of_a_copy_job_too() -> None:
    server, stop = FakeServer({"CopyJobs/id-copy": {"lastStatus": "Success"}}, rest=7), threading.Event()
    place = fake_context(server, clock=Ringing(stop, 20))
    place.stop = stop
    place.naming.learn("copy_job", "copy", "id-copy")
    with pytest.raises(StillRunning, match="copy goes on at the server"):
        RUN["job.run"](place, RunJob(kind="copy_job", name="copy"), list[str]().append)
