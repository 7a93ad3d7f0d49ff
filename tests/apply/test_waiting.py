"""Waiting for the server and for jobs: outages pass, a start that did not happen stays due, and little is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from reconciler.apply import AppliedStateRecorder, ApplyContext
from reconciler.apply.steps import RUN, NotFollowed, NotStarted, StepFailed, StillRunning
from reconciler.model.address import address
from reconciler.model.connection import Access
from reconciler.model.connection import Server as VboServer
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    Conflict,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
)
from reconciler.model.event import ChangeEnded, Due, Outcome, StepStarted
from reconciler.model.inventory import Inventory, Policy, Resource
from reconciler.model.live import Live, ServerInfo
from reconciler.model.plan import Action, Cause, Change, ChangeKey, Plan, Reason
from reconciler.model.recall import Recall
from reconciler.model.steps import CreateObject, RunJob
from reconciler.plan.job_runs import PENDING, begun_after
from tests.apply.fakes import HOST, LOGIN, Clock, FakeServer, fake_context
from tests.apply.test_drain import Notes

if TYPE_CHECKING:
    from reconciler.journal import AppliedState

JOB, DAILY = address("job", "daily"), Resource("job", "daily", {"name": "daily"})

BEFORE, LATER = "2026-11-26T22:00:00Z", "2026-11-27T22:00:00Z"
GONE = Unreachable("vbo01", "GET JobSessions/s-1", "connection refused")


class Server(FakeServer):
    """A job `daily` whose start gives the session `s-1`, which ends as `ends` when it is looked at. `fails` is asked
    before each request, by its verb and path. `asked` are the queries."""

    def __init__(self, clock: Clock, rest: int = 8, **session: Any) -> None:
        super().__init__({"Jobs/id-daily": {"lastStatus": "Success", "lastRun": BEFORE}}, rest=rest)
        self.clock = clock
        self.session = {"id": "s-1", "status": "Success", "progress": 7, "creationTime": LATER, **session}
        self.fails: Callable[[str, str], RemoteError | None] = lambda verb, path: None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.starts: Callable[[], None] = self.begin

    def _fail(self, verb: str, path: str) -> None:
        if (error := self.fails(verb, path)) is not None:
            raise error

    def get(self, path: str) -> dict[str, Any]:
        self._fail("GET", path)
        return super().get(path)

    def list(self, path: str, **query: Any) -> list[dict[str, Any]]:
        self._fail("GET", path)
        self.asked.append((path, query))
        since = str(query.get("endTimeLowerBound", ""))
        items = super().list(path, **query)
        return [item for item in items if str(item.get("creationTime", "")) >= since[:19]]

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        self._fail("POST", path)
        self.acts.append((path, action, body))
        self.starts()
        return {"id": "s-1"} if self.rest >= 8 else {}

    def begin(self) -> None:
        self.objects["JobSessions/s-1"] = self.session
        self.objects["Jobs/id-daily"] = {"lastStatus": "Success", "lastRun": LATER}
        self.lists.setdefault("JobSessions", []).append(self.session)


def place(server: Server) -> ApplyContext:
    context = fake_context(server, clock=server.clock)
    context.naming.learn("job", "daily", "id-daily")
    return context


def run(server: Server, news: list[str] | None = None, **step: Any) -> str | None:
    said: list[str] = [] if news is None else news
    return RUN["job.run"](place(server), RunJob(name="daily", **step), said.append)


def between(clock: Clock, begin: float, end: float, error: RemoteError) -> Callable[[str, str], RemoteError | None]:
    return lambda verb, path: error if begin <= clock.now < end else None


PASSING = [
    GONE,
    ConnectionLost("vbo01", "GET", "reset"),
    DeadlineExceeded("vbo01", "GET", "no answer in time"),
    Unavailable("vbo01", "GET", "Service Unavailable (HTTP 503)", status=503),
    BadAnswer("vbo01", "GET", "HTTP 200 with a web page instead of JSON"),
    Refused("vbo01", "GET", "the database is away", status=500),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_an_outage_does_not_end_the_following_of_a_job(error: RemoteError) -> None:
    """Its length does not matter up to the deadline, which is reported."""
    clock, news = Clock(), list[str]()
    server = Server(clock, status="Running")

    def fails(verb: str, path: str) -> RemoteError | None:
        if clock.now > 400:
            server.session["status"] = "Success"
        return error if 10 <= clock.now < 300 else None

    server.fails = fails
    assert run(server, news) == "Success, 7 objects"
    assert f"{error}; waiting up to 600 s for the server" in news
    assert [line for line in news if line.startswith("the server answers again, after")]


def test_a_server_that_stays_away_leaves_the_result_to_the_next_apply() -> None:
    clock = Clock()
    server = Server(clock, status="Running")
    server.fails = lambda verb, path: GONE if clock.now > 10 else None
    with pytest.raises(NotFollowed, match="the job goes on at the server, and the next apply follows it"):
        run(server)
    assert 600 < clock.now < 700


def test_a_login_that_is_refused_is_no_outage() -> None:
    clock = Clock()
    server = Server(clock, status="Running")
    error = AuthenticationFailed("vbo01", "log in", "no")
    server.fails = lambda verb, path: error if clock.now > 10 else None
    with pytest.raises(NotFollowed, match="log in: no"):
        run(server)
    assert clock.now < 60


def test_an_interrupt_ends_the_wait_for_a_server_that_is_away() -> None:
    clock = Clock()
    server = Server(clock, status="Running")
    context = place(server)

    def fails(verb: str, path: str) -> RemoteError | None:
        if clock.now > 30:
            context.stop.set()
        return GONE if clock.now > 10 else None

    server.fails = fails
    with pytest.raises(StillRunning):
        RUN["job.run"](context, RunJob(name="daily"), list[str]().append)


def test_a_job_that_makes_progress_is_followed_for_hours() -> None:
    clock = Clock()
    server = Server(clock, status="Running")

    def fails(verb: str, path: str) -> None:
        server.session["progress"] = int(clock.now // 600)
        server.session["status"] = "Success" if clock.now > 6 * 3600 else "Running"

    server.fails = fails
    assert run(server) == "Success, 36 objects"


def test_a_session_that_an_outage_cut_off_is_started_once_more() -> None:
    """A server that restarts ends what ran: that is not a failure of the job."""
    clock, news = Clock(), list[str]()
    server = Server(clock, status="Running")

    def fails(verb: str, path: str) -> RemoteError | None:
        if 10 <= clock.now < 20:
            server.session["status"] = "Failed"
            return GONE
        return None

    server.fails = fails

    def again() -> None:
        server.session["status"] = "Success" if server.acts[1:] else "Running"
        server.begin()

    server.starts = again
    assert run(server, news) == "Success, 7 objects"
    assert "its session was cut off (failed), so it is started again" in news
    assert len(server.acts) == 2


def test_an_outage_that_the_client_bridged_cuts_off_too() -> None:
    """A restart of a second is over before the next look: the request is repeated, and only counted."""
    clock, news = Clock(), list[str]()
    server = Server(clock, status="Running")

    def fails(verb: str, path: str) -> None:
        if clock.now >= 10 and not server.acts[1:]:
            server.session["status"], server.outages = "Failed", 1

    server.fails = fails

    def again() -> None:
        server.session["status"] = "Success" if server.acts[1:] else "Running"
        server.begin()

    server.starts = again
    assert run(server, news) == "Success, 7 objects"
    assert "its session was cut off (failed), so it is started again" in news


def test_an_outage_before_the_start_does_not_count() -> None:
    server = Server(Clock(), status="Failed", details="no quota")
    server.outages = 3
    with pytest.raises(StepFailed, match="no quota"):
        run(server)
    assert len(server.acts) == 1


def test_a_session_that_failed_while_nobody_followed_it_is_started_once_more() -> None:
    clock = Clock()
    server = Server(clock)
    server.lists["JobSessions"] = [{"id": "s-0", "creationTime": BEFORE}]
    server.objects["JobSessions/s-0"] = {"id": "s-0", "status": "Failed"}
    assert run(server, follow=True) == "Success, 7 objects"
    assert len(server.acts) == 1


def test_a_session_that_fails_while_it_is_followed_is_a_failure() -> None:
    server = Server(Clock(), status="Failed", details="no quota")
    with pytest.raises(StepFailed, match="the job ended as Failed: no quota"):
        run(server)
    assert len(server.acts) == 1


@pytest.mark.parametrize("error", [GONE, PASSING[3]], ids=["unreachable", "503"])
def test_a_start_waits_for_a_server_that_is_away(error: RemoteError) -> None:
    clock = Clock()
    server = Server(clock)
    server.fails = between(clock, 0, 120, error)
    assert run(server) == "Success, 7 objects"
    assert len(server.acts) == 1


@pytest.mark.parametrize(
    "error", [*PASSING, Refused("vbo01", "POST", "no")], ids=lambda error: f"{type(error).__name__}-{error.reason[:8]}"
)
def test_a_start_that_did_not_happen_is_left_to_the_next_apply(error: RemoteError) -> None:
    server = Server(Clock())
    server.fails = lambda verb, path: error if verb == "POST" else None
    with pytest.raises(NotStarted, match="the next apply starts it"):
        run(server)
    assert server.acts == []


@pytest.mark.parametrize("rest", [7, 8])
def test_a_start_whose_answer_is_lost_is_followed(rest: int) -> None:
    server = Server(Clock(), rest=rest)
    news: list[str] = []

    def fails(verb: str, path: str) -> RemoteError | None:
        if verb == "POST":
            server.begin()
            return ConnectionLost("vbo01", "POST", "reset")
        return None

    server.fails = fails
    assert run(server, news) == "Success, 7 objects"
    assert "the response was lost, but it was started" in news


@pytest.mark.parametrize("rest", [7, 8])
def test_a_start_whose_session_cannot_be_looked_for_at_once_is_not_sent_again(rest: int) -> None:
    """The session that runs then is that of the start, and no other one to wait for."""
    server, news = Server(Clock(), rest=rest), list[str]()
    refused = [Refused("vbo01", "GET", "Access denied.", status=403)]

    def fails(verb: str, path: str) -> RemoteError | None:
        if verb == "POST":
            server.begin()
            server.objects["Jobs/id-daily"]["lastStatus"] = "Running"
            server.acts.append((path, "start", None))
            return ConnectionLost("vbo01", "POST", "reset")
        if server.acts and refused:
            return refused.pop()
        return None

    server.fails = fails
    assert run(server, news) == "Success, 7 objects"
    assert len(server.acts) == 1
    assert "the response was lost, but it was started" in news
    assert "waiting for a running session of the job" not in news


def test_a_session_that_is_first_seen_after_it_was_cut_off_is_started_once_more() -> None:
    """A server that restarts right after a start: the first that is seen of the session is that it failed."""
    server, news = Server(Clock()), list[str]()

    def fails(verb: str, path: str) -> RemoteError | None:
        if verb == "POST" and not server.outages:
            server.begin()
            server.session["status"], server.outages = "Failed", 1
            return ConnectionLost("vbo01", "POST", "reset")
        return None

    def again() -> None:
        server.session["status"] = "Success"
        server.begin()

    server.fails, server.starts = fails, again
    assert run(server, news) == "Success, 7 objects"
    assert "its session was cut off (failed), so it is started again" in news


def test_a_job_that_failed_before_the_outage_of_another_start_is_not_started_again() -> None:
    server = Server(Clock(), status="Failed")
    server.outages = 3
    with pytest.raises(StepFailed):
        run(server)
    assert len(server.acts) == 1


def test_a_start_that_its_schedule_was_quicker_than_waits_for_that_session() -> None:
    """The lab and older versions answer 500 to the start of a running job: which code is not documented."""
    clock = Clock()
    server = Server(clock)

    def fails(verb: str, path: str) -> RemoteError | None:
        running = 0 < clock.now < 100
        server.objects["Jobs/id-daily"] = {"lastStatus": "Running" if running else "Success", "lastRun": BEFORE}
        if verb == "POST" and clock.now < 100:
            clock.now += 1
            server.objects["Jobs/id-daily"] = {"lastStatus": "Running", "lastRun": BEFORE}
            return Refused("vbo01", "POST", "is already running", status=500)
        return None

    server.fails = fails
    assert run(server) == "Success, 7 objects"


@pytest.mark.parametrize("rest", [7, 8])
def test_a_start_is_repeated_if_that_session_was_over_when_it_was_looked_at(rest: int) -> None:
    server = Server(Clock(), rest=rest)

    def fails(verb: str, path: str) -> RemoteError | None:
        if verb == "POST" and server.objects["Jobs/id-daily"]["lastRun"] == BEFORE:
            server.objects["Jobs/id-daily"] = {"lastStatus": "Success", "lastRun": "2026-11-26T23:00:00Z"}
            return Conflict("vbo01", "POST", "is already running", status=409)
        return None

    server.fails = fails
    assert run(server) == "Success, 7 objects"
    assert len(server.acts) == 1


def test_v7_asks_for_the_sessions_of_one_job_since_its_last_run() -> None:
    """An empty `jobId` is refused by the server; a whole history is not read to find the newest."""
    server = Server(Clock(), rest=7)
    server.lists["JobSessions"] = [{"id": "s-0", "creationTime": BEFORE}]
    assert run(server) == "Success, 7 objects"
    queries = [query for path, query in server.asked if path == "JobSessions"]
    assert [query["endTimeLowerBound"] for query in queries] == [
        "2026-11-26T21:59:59+00:00",
        "2026-11-27T21:59:59+00:00",
    ]
    assert {query["jobId"] for query in queries} == {"id-daily"}


@pytest.mark.parametrize("rest", [6, 7])
def test_a_session_appears_that_is_older_than_the_last_because_the_clock_was_set_back(rest: int) -> None:
    server = Server(Clock(), rest=rest)
    before = {"id": "s-0", "status": "Success", "progress": 1, "creationTime": "2026-11-28T09:00:00Z"}
    server.objects["Jobs/id-daily"]["lastRun"] = before["creationTime"]
    server.lists["JobSessions" if rest == 7 else "Jobs/id-daily/JobSessions"] = [before]

    def begin() -> None:
        server.begin()
        server.lists["Jobs/id-daily/JobSessions"] = [before, server.session]

    server.starts = begin
    assert run(server) == "Success, 7 objects"
    assert run(server, follow=True) == "Success, 7 objects"
    assert len(server.acts) == 1


@pytest.mark.parametrize("rest", [7, 8])
def test_the_retry_is_looked_for_among_the_sessions_of_the_job(rest: int) -> None:
    server = Server(Clock(), rest=rest, status="Failed", jobWillBeRetried=True)
    server.lists["JobSessions"] = [{"id": "s-2", "mainSessionId": "s-1", "creationTime": "2026-11-27T22:05:00Z"}]
    server.objects["JobSessions/s-2"] = {"id": "s-2", "status": "Success", "progress": 9}
    if rest < 8:
        server.lists["JobSessions"] = []

        def later() -> None:
            server.begin()
            server.session["status"] = "Running"

        server.starts = later

        def fails(verb: str, path: str) -> None:
            if server.clock.now > 5:
                server.session["status"] = "Failed"
                retry = {"id": "s-2", "mainSessionId": "s-1", "creationTime": "2026-11-27T22:05:00Z"}
                server.lists["JobSessions"] = [server.session, retry]

        server.fails = fails
    assert run(server) == "Success, 9 objects"
    assert all(query.get("jobId") == "id-daily" for path, query in server.asked if path == "JobSessions")


def test_a_mail_that_a_proxy_could_not_send_is_part_of_the_result() -> None:
    server = Server(Clock())
    line = "The notification could not be sent from px-1: connection refused"
    server.lists["JobSessions/s-1/LogItems"] = [{"type": "Warning", "message": line}]
    assert run(server) == f"Success, 7 objects; {line}"


def test_before_v8_words_of_the_log_say_what_went_wrong() -> None:
    server = Server(Clock(), rest=7, status="Warning")
    titles = ["Connected.", "Could not read the mailbox of ann.", "Processed 6 objects."]
    server.lists["JobSessions/s-1/LogItems"] = [{"title": title} for title in titles]
    assert run(server) == "Warning, 7 objects; Could not read the mailbox of ann."


@pytest.mark.parametrize("rest", [7, 8])
def test_of_a_log_without_end_the_end_is_shown_since_v8_and_what_can_be_read_before(rest: int) -> None:
    server = Server(Clock(), rest=rest, status="Failed")
    log = [{"title": str(number)} for number in range(250_000)]
    server.lists["JobSessions/s-1/LogItems"] = log
    with pytest.raises(StepFailed, match="the job ended as Failed") as caught:
        run(server)
    assert caught.value.log[19] == ("249999" if rest == 8 else "99999")
    cut = "the log is longer than 100,000 lines: the rest was not read"
    assert caught.value.log[20:] == (() if rest == 8 else (cut,))
    (query,) = (query for path, query in server.asked if path.endswith("LogItems"))
    assert query == ({"most": 20, "orderAsc": "false"} if rest == 8 else {"most": 100_000})


def test_many_warnings_are_counted() -> None:
    server = Server(Clock(), status="Warning")
    server.lists["JobSessions/s-1/LogItems"] = [{"type": "Warning", "message": f"item {n}"} for n in range(9)]
    said = run(server)
    assert said == "Warning, 7 objects; item 0; item 1; item 2; 6 more in the log of the session"


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    clock, asked = Clock(), list[float]()
    server = Server(clock, status="Running")

    def fails(verb: str, path: str) -> RemoteError | None:
        if path != "JobSessions/s-1":
            return None
        asked.append(clock.now)
        if len(asked) == 1:
            return Unavailable("vbo01", "GET", "busy", status=503, retry_after=90)
        server.session["status"] = "Success"
        return None

    server.fails = fails
    run(server)
    assert asked[1] - asked[0] >= 90


@pytest.mark.parametrize(
    ("outcome", "due", "left"),
    [
        (Outcome.DONE, Due.NOTHING, None),
        (Outcome.FAILED, Due.NOTHING, None),
        (Outcome.FAILED, Due.START, "pending"),
        (Outcome.FAILED, Due.RESULT, begun_after(None)),
    ],
)
def test_a_job_stays_due_until_it_has_a_result(outcome: Outcome, due: Due, left: str | None) -> None:
    """Over any number of runs: the mark goes when the job has run."""
    change = Change("job.daily", Action.RUN, (), Cause(Reason.CHAIN), (RunJob(name="daily"),))
    server = ServerInfo(HOST, 8, "8.6.0.100")
    inventory = Inventory("corp", Access(VboServer(HOST, LOGIN), {}, {}, {}, ""), {JOB: DAILY}, Policy(), (), "")
    notes = Notes()
    recorder = AppliedStateRecorder(inventory, Live(server, {}, {}, {}), Recall(), cast("AppliedState", notes), "scope")
    recorder.begin(Plan("corp", "", server, (change,)))
    recorder.permit(StepStarted(change.key, 0, ""))
    recorder.listen(ChangeEnded(change.key, "job.daily", "run", outcome, due=due))
    assert notes.rows["job.daily"].get(PENDING) == left
    after = (change,) if left else ()
    recorder.settle(Plan("corp", "", server, after))
    assert notes.rows["job.daily"].get(PENDING) == left


def test_a_job_behind_a_proxy_that_sleeps_stays_due() -> None:
    """It is not started, and neither the start of an apply nor its verification forgets that it is to be."""
    server = ServerInfo(HOST, 8, "8.6.0.100")
    inventory = Inventory("corp", Access(VboServer(HOST, LOGIN), {}, {}, {}, ""), {JOB: DAILY}, Policy(), (), "")
    notes = Notes()
    recorder = AppliedStateRecorder(inventory, Live(server, {}, {}, {}), Recall(), cast("AppliedState", notes), "scope")
    waiting = Plan("corp", "", server, (), asleep=(ChangeKey("run", "job.daily"),))
    recorder.begin(waiting)
    recorder.settle(waiting)
    assert notes.rows == {"job.daily": {PENDING: "pending"}}  # what was not applied is not recorded


@pytest.mark.parametrize(
    ("outcome", "due", "left"),
    [(Outcome.DONE, Due.NOTHING, False), (Outcome.FAILED, Due.NOTHING, False), (Outcome.FAILED, Due.RESULT, True)],
)
def test_the_creation_of_a_proxy_is_remembered_until_its_result_is_known(
    outcome: Outcome, due: Due, left: bool
) -> None:
    step = CreateObject(kind="proxy", name="px-1", fields={})
    change = Change("proxy.px-1", Action.CREATE, (), Cause(Reason.INVENTORY), (step,))
    server = ServerInfo(HOST, 8, "8.6.0.100")
    inventory = Inventory("corp", Access(VboServer(HOST, LOGIN), {}, {}, {}, ""), {}, Policy(), (), "")
    notes = Notes()
    recorder = AppliedStateRecorder(inventory, Live(server, {}, {}, {}), Recall(), cast("AppliedState", notes), "scope")
    recorder.begin(Plan("corp", "", server, (change,)))
    recorder.permit(StepStarted(change.key, 0, ""))
    assert list(notes.rows) == ["creating.px-1"]
    recorder.listen(ChangeEnded(change.key, "proxy.px-1", "create", outcome, due=due))
    assert bool(notes.rows) is left
    after = Live(server, {}, {}, {})
    following = AppliedStateRecorder(inventory, after, Recall(notes.rows), cast("AppliedState", notes), "scope")
    assert following.begun == ({"creating.px-1"} if left else set())


@pytest.mark.parametrize(
    ("earlier", "mark"),
    [
        (None, "now"),
        ({"credentials": "now"}, "now"),
        ({"credentials": "before"}, "one of two"),  # the server may have either, so the next plan sends it again
        ({}, None),  # not known, so it is no reason to change anything
    ],
)
def test_a_creation_beside_that_of_an_earlier_apply_may_leave_the_secret_of_either(
    earlier: dict[str, str] | None, mark: str | None
) -> None:
    step = CreateObject(kind="proxy", name="px-1", fields={})
    change = Change("proxy.px-1", Action.CREATE, (), Cause(Reason.INVENTORY), (step,))
    server = ServerInfo(HOST, 8, "8.6.0.100")
    inventory = Inventory("corp", Access(VboServer(HOST, LOGIN), {}, {}, {}, ""), {}, Policy(), (), "")
    before = {} if earlier is None else {"creating.px-1": {"(create)": "begun", **earlier}}
    recall = Recall(before, secrets={"proxy.px-1": {"credentials": "now"}})
    notes = Notes()
    recorder = AppliedStateRecorder(inventory, Live(server, {}, {}, {}), recall, cast("AppliedState", notes), "scope")
    recorder.begin(Plan("corp", "", server, (change,)))
    recorder.permit(StepStarted(change.key, 0, ""))
    assert notes.rows["creating.px-1"].get("credentials") == mark
