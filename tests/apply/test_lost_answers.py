"""A gateway gives up early in a long request, and the server works on: its result is waited for, to the deadline that
the request itself has."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.apply import ApplyContext
from reconciler.apply.steps import RUN
from reconciler.model.errors import Conflict, ConnectionLost, DeadlineExceeded, Refused, RemoteError
from reconciler.model.steps import step_from_json
from tests.apply.fakes import HOST
from tests.apply.requests import RecordingServer, context_of, server_of

GAVE_UP = DeadlineExceeded(HOST, "POST Proxies", "the gateway gave up")
NEW = {"host": "new", "type": "workgroup", "os": "windows", "credentials": "windows", "description": "new one"}
CREATE = {"kind": "proxy", "name": "new", "fields": NEW}
LOGIN = {"name": "px-1", "host": "px-1", "os": "windows", "credentials": "windows"}
LONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "POST Proxies": ("create", CREATE, ""),
    "PUT Proxies": ("update", {"kind": "proxy", "name": "px-1", "fields": {"port": 9999}, "changed": ["port"]}, ""),
    "PUT of an adoption": ("adopt", {"kind": "proxy", "name": "px-2", "id": "proxies-3", "owner": ""}, ""),
    "Remove": ("delete", {"kind": "proxy", "name": "px-2", "id": "proxies-3", "owner": "corp"}, ""),
    "maintenance/enable": ("maintenance.on", {**LOGIN, "deadline": 5, "then": "fail"}, "Disabled"),
    "maintenance/disable": ("maintenance.off", LOGIN, "Enabled"),
    "changeOwner": ("repository.move", {"name": "disk", "to": "proxy.px-2"}, ""),
}


@dataclass
class Gateway:
    """In front of a server whose work takes `seconds`: raises `gives` after a minute, and the work goes on."""

    server: RecordingServer
    seconds: float
    gives: RemoteError = GAVE_UP
    work: deque[Callable[[], Any]] = field(default_factory=deque)
    context: ApplyContext = field(init=False)

    def __post_init__(self) -> None:
        self.context = context_of(self.server)
        gateway: Any = self
        self.context.reader = self.context.writer = gateway

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    def get(self, path: str, **query: Any) -> Any:
        self._works()
        return self.server.get(path, **query)

    def list(self, path: str, **query: Any) -> Any:
        self._works()
        return self.server.list(path, **query)

    def create(self, *args: Any, **more: Any) -> Any:
        return self._late(lambda: self.server.create(*args, **more))

    def replace(self, *args: Any, **more: Any) -> Any:
        return self._late(lambda: self.server.replace(*args, **more))

    def act(self, *args: Any, **more: Any) -> Any:
        return self._late(lambda: self.server.act(*args, **more))

    def run(self, verb: str, params: dict[str, Any]) -> Sequence[str]:
        """What the step reports."""
        news: deque[str] = deque()
        RUN[verb](self.context, step_from_json(verb, params), news.append)
        return [*news]

    def _late(self, work: Callable[[], Any]) -> Any:
        self.work.append(work)
        self.context.sleep(60.0)
        raise self.gives

    def _works(self) -> None:
        if self.context.clock() >= self.seconds:
            while self.work:
                self.work.pop()()


def behind_gateway(seconds: float, state: str = "", **more: Any) -> Gateway:
    server = server_of(8)
    server.data["Proxies"]["proxies-2"]["maintenanceModeState"] = state or "Disabled"
    if "owner" in more:
        server.data["Proxies"]["proxies-3"]["description"] = more.pop("owner")
    return Gateway(server, seconds, **more)


@pytest.mark.parametrize("what", LONG)
def test_the_result_is_waited_for(what: str) -> None:
    verb, params, state = LONG[what]
    gateway = behind_gateway(900.0, state, **({"owner": "by hand"} if verb == "adopt" else {}))
    news = gateway.run(verb, params)
    assert gateway.context.clock() >= 900.0
    assert len(gateway.server.lines) == 1, "the request is sent once"
    assert "the gateway gave up; waiting up to 1740 s for the result" in news


@pytest.mark.parametrize("what", LONG)
def test_at_its_deadline_a_result_that_does_not_come_is_a_failure(what: str) -> None:
    verb, params, state = LONG[what]
    gateway = behind_gateway(math.inf, state, **({"owner": "by hand"} if verb == "adopt" else {}))
    with pytest.raises(DeadlineExceeded, match="the gateway gave up"):
        gateway.run(verb, params)
    assert 1800.0 <= gateway.context.clock() < 1900.0


def test_a_short_request_is_waited_for_until_its_own_deadline() -> None:
    gateway = behind_gateway(math.inf)
    pool = {"kind": "pool", "name": "new", "fields": {"name": "new", "description": ""}}
    with pytest.raises(DeadlineExceeded):
        gateway.run("create", pool)
    assert 60.0 <= gateway.context.clock() < 120.0


def test_an_interrupt_ends_the_wait() -> None:
    gateway = behind_gateway(math.inf)
    gateway.context.stop.set()
    with pytest.raises(DeadlineExceeded, match="the gateway gave up"):
        gateway.run("create", CREATE)
    assert gateway.context.clock() < 120.0


def test_after_a_broken_connection_nothing_is_waited_for() -> None:
    gateway = behind_gateway(math.inf, gives=ConnectionLost(HOST, "POST Proxies", "reset"))
    with pytest.raises(ConnectionLost):
        gateway.run("create", CREATE)
    assert gateway.context.clock() < 120.0


def test_a_login_that_the_server_does_not_show_is_not_waited_for() -> None:
    gateway = behind_gateway(0.0)
    fields = {"credentials": "windows", "type": "domain"}
    with pytest.raises(DeadlineExceeded):
        gateway.run("update", {"kind": "proxy", "name": "px-1", "fields": fields, "changed": ["credentials"]})
    assert gateway.context.clock() < 120.0


def test_a_side_effect_of_a_change_that_is_late_is_found() -> None:
    gateway = behind_gateway(900.0)
    gateway.work.append(lambda: gateway.server.data["Proxies"]["proxies-2"].update(description="other"))
    with pytest.raises(Exception, match="more differs than the plan shows: `description`"):
        gateway.run("update", LONG["PUT Proxies"][1])


class Busy(Gateway):
    """The server is at work on the request of an apply that was killed."""

    owner = "[vbo-reconcile:corp]"
    refuses: RemoteError | None = None

    def create(self, *args: Any, **more: Any) -> Any:
        raised = Conflict(HOST, "POST Proxies", "another operation is in progress", status=409)
        shown = {"hostName": "new", "status": "Online", "version": self.server.build, "port": 9193}
        self.work.append(lambda: self.server.add("Proxies", description=self.owner, **shown))
        raise self.refuses or raised


@pytest.mark.parametrize(
    ("begun", "owner", "seconds"),
    [("new", "corp", 900.0), ("new", "other", 900.0), ("new", "corp", math.inf), ("px-9", "corp", 0.0)],
)
def test_the_creation_of_an_apply_that_was_killed_is_waited_for(begun: str, owner: str, seconds: float) -> None:
    busy = Busy(server_of(8), seconds)
    busy.owner = f"[vbo-reconcile:{owner}]"
    busy.context.begun = {f"creating.{begun}"}
    if (begun, owner, seconds) == ("new", "corp", 900.0):
        assert "an earlier apply created it" in busy.run("create", CREATE)
        return
    with pytest.raises(Conflict, match="another operation is in progress"):
        busy.run("create", CREATE)
    waited = {900.0: 900.0, math.inf: 1800.0, 0.0: 0.0}[seconds]
    assert waited <= busy.context.clock() < waited + 60.0


class Answering(Busy):
    """It answers as soon as it has created the proxy."""

    def replace(self, *args: Any, **more: Any) -> Any:
        self.server.replace(*args, **more)


@pytest.mark.parametrize(
    ("gives", "begun", "renewed"),
    [(None, True, True), (GAVE_UP, True, True), (GAVE_UP, False, False)],
    ids=["busy with another", "lost, of either", "lost, of this one"],
)
def test_what_the_inventory_says_now_is_set_on_what_an_earlier_apply_created(
    gives: RemoteError | None, begun: bool, renewed: bool
) -> None:
    busy = Answering(server_of(8), 900.0)
    busy.refuses = gives
    busy.context.begun = {"creating.new"} if begun else set()
    fields = {**NEW, "description": "branch", "port": 9194}
    said = busy.run("create", {"kind": "proxy", "name": "new", "fields": fields})
    if not renewed:
        assert busy.server.lines == []
        return
    assert said[-1] == "changing what the earlier apply may have set otherwise: credentials, description, port"
    [line] = busy.server.lines
    assert '"description": "branch [vbo-reconcile:corp]"' in line
    assert '"port": 9194' in line
    assert '"password"' in line


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("pool", {"name": "new", "description": ""}),
        ("repository", {"name": "new", "owner": "proxy.px-1", "path": "E:\\new"}),
        ("job", {"name": "new", "organization": "contoso", "repository": "disk", "items": "all"}),
    ],
)
def test_only_the_creation_of_a_proxy_takes_so_long_that_an_earlier_one_is_waited_for(
    kind: str, fields: dict[str, Any]
) -> None:
    busy = Busy(server_of(8), 900.0)
    busy.context.begun = {"creating.new"}
    with pytest.raises(Conflict, match="another operation is in progress"):
        busy.run("create", {"kind": kind, "name": "new", "fields": fields})
    assert busy.context.clock() < 60.0


@pytest.mark.parametrize(
    ("status", "begun", "seconds", "waited"),
    [(500, True, 300.0, 300.0), (500, True, math.inf, 600.0), (500, False, 300.0, 0.0), (400, True, 300.0, 0.0)],
)
def test_before_v8_a_refusal_does_not_say_that_the_server_is_busy(
    status: int, begun: bool, seconds: float, waited: float
) -> None:
    busy = Busy(server_of(6), seconds)
    busy.owner = "[vbo-reconcile:corp]"
    busy.refuses = Refused(HOST, "POST Proxies", "another operation is in progress", status=status)
    busy.context.begun = {"creating.new"} if begun else set()
    if (status, begun, seconds) == (500, True, 300.0):
        assert "an earlier apply created it" in busy.run("create", CREATE)
    else:
        with pytest.raises(Refused, match="another operation is in progress"):
            busy.run("create", CREATE)
    assert waited <= busy.context.clock() < waited + 120.0


class Removing(Gateway):
    """The server is at work on the removal of an apply that was killed, and refuses another one."""

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> Any:
        self.work.append(lambda: self.server.act(path, action, body, **more))
        raise self.gives


@pytest.mark.parametrize(
    ("gives", "begun", "seconds", "waited"),
    [
        (Conflict(HOST, "Remove", "busy", status=409), True, 900.0, 900.0),
        (Conflict(HOST, "Remove", "busy", status=409), None, 900.0, 0.0),
        (Refused(HOST, "Remove", "busy", status=500), True, 300.0, 300.0),
        (Refused(HOST, "Remove", "busy", status=500), True, math.inf, 600.0),
        (Refused(HOST, "Remove", "not allowed", status=400), True, 300.0, 0.0),
    ],
)
def test_the_deletion_of_an_apply_that_was_killed_is_waited_for(
    gives: Refused, begun: bool | None, seconds: float, waited: float
) -> None:
    server = server_of(8)
    verb, params, _ = LONG["Remove"]
    removing = Removing(server, seconds, gives)
    if waited == seconds:
        assert "an earlier apply deleted it" in removing.run(verb, {**params, "begun": begun})
    else:
        with pytest.raises(Refused):
            removing.run(verb, {**params, "begun": begun})
    assert waited <= removing.context.clock() < waited + 60.0
