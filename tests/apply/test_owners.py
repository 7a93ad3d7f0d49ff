"""Moving repositories and changing members: looked at first, one at a time, and nothing asked for twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply import ApplyContext
from reconciler.apply.steps import StepFailed
from reconciler.apply.steps.deletion import delete
from reconciler.apply.steps.objects import create, find
from reconciler.apply.steps.owners import change_members, move_repository
from reconciler.kinds import KINDS
from reconciler.model.connection import ConnectionContext
from reconciler.model.errors import AuthenticationFailed, ConnectionLost, Missing, RemoteError
from reconciler.model.live import Live, ServerInfo
from reconciler.model.steps import ChangePoolMembers, CreateObject, DeleteObject, MoveRepository
from tests.plan.world import access

LOST = ConnectionLost("server", "POST", "closed by the other end")


class FakeServer:
    """A reader and a writer over one dictionary; `on_act` is what an action does."""

    rest = 8

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, Any] = {
            "BackupRepositories/r": {"id": "r", "proxyId": "p1"},
            "RepositoryOwnerChangeSessions": [],
            **objects,
        }
        self.sent: list[str] = []
        self.on_act: Callable[[], dict[str, Any]] = dict
        self.on_delete: Callable[[], None] = lambda: None

    def get(self, path: str) -> Any:
        if path not in self.objects:
            raise Missing("server", f"GET {path}", "not found", status=404)
        return self.objects[path]

    def list(self, path: str, **query: Any) -> list[Any]:
        return list(self.objects.get(path, []))

    def act(self, path: str, action: str, body: Any = None, *, query: Any = None, long: bool = False) -> dict[str, Any]:
        self.sent.append(f"{action} {path} {query or body}")
        return self.on_act()

    def create(self, path: str, body: Any) -> None:
        self.sent.append(f"POST {path} {[item['proxyId'] for item in body]}")

    def delete(self, path: str, body: Any = None) -> None:
        self.sent.append(f"DELETE {path}" + (f" {[item['proxyId'] for item in body]}" if body else ""))
        self.on_delete()

    def session(self, ident: str, status: str, to: str = "p2") -> dict[str, Any]:
        found = {"id": ident, "status": status, "toOwnerId": to, "repositoryIds": ["r"]}
        self.objects["RepositoryOwnerChangeSessions"].append(found)
        self.objects[f"RepositoryOwnerChangeSessions/{ident}"] = {**found, "status": "Succeeded"}
        return found


def fake_context(server: FakeServer) -> ApplyContext:
    nothing = Live(ServerInfo("server", 8, ""), {}, {}, {})
    made = ApplyContext(
        "corp", nothing, access(), ConnectionContext(cast(Any, None), "/nowhere"), cast(Any, server), cast(Any, server)
    )
    for kind, name, ident in (("repository", "r", "r"), ("proxy", "a", "p1"), ("proxy", "b", "p2"), ("pool", "c", "c")):
        made.naming.learn(kind, name, ident)
    made.sleep = lambda seconds: None
    return made


def move(server: FakeServer) -> str | None:
    return move_repository(fake_context(server), MoveRepository(name="r", to="proxy.b"), lambda line: None)


def test_a_move_is_asked_for_and_followed() -> None:
    server = FakeServer()
    server.on_act = lambda: server.session("s", "Waiting")
    assert move(server) is None
    assert server.sent == ["changeOwner BackupRepositories/r {'proxyId': 'p2'}"]


def test_what_is_there_already_is_not_moved() -> None:
    server = FakeServer(**{"BackupRepositories/r": {"id": "r", "proxyId": "p2"}})
    assert move(server) == "it is there already"
    assert server.sent == []


def test_a_session_of_an_earlier_run_is_followed() -> None:
    server = FakeServer()
    server.session("old", "Failed")
    server.session("other", "Running", to="p9")
    server.session("now", "Running")
    assert move(server) is None
    assert server.sent == []


@pytest.mark.parametrize("other", [{"toOwnerId": "p9"}, {"repositoryIds": ["s"]}, {"repositoryIds": None}])
def test_a_session_of_another_move_is_not_followed(other: dict[str, Any]) -> None:
    server = FakeServer()
    server.session("other", "Running").update(other)
    server.on_act = lambda: server.session("s", "Waiting")
    assert move(server) is None
    assert server.sent == ["changeOwner BackupRepositories/r {'proxyId': 'p2'}"]


def test_a_lost_answer_is_looked_for() -> None:
    server = FakeServer()

    def lose() -> dict[str, Any]:
        server.session("s", "Running")
        raise LOST

    server.on_act = lose
    assert move(server) is None
    assert len(server.sent) == 1


def test_a_lost_answer_of_a_move_that_has_ended() -> None:
    server = FakeServer()

    def lose() -> dict[str, Any]:
        server.objects["BackupRepositories/r"] = {"id": "r", "proxyId": "p2"}
        raise LOST

    server.on_act = lose
    assert move(server) == "the response was lost, but it was moved"


def unreadable(server: FakeServer) -> Callable[[], Any]:
    """Every read after this fails, for a reason that does not pass; and the response is lost."""

    def lose() -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise AuthenticationFailed("server", "GET", "Unauthorized")

        vars(server).update(get=refuse, list=refuse)
        raise LOST

    return lose


def remove(server: FakeServer) -> str | None:
    return delete(fake_context(server), JOB, lambda line: None)


def make_pool(server: FakeServer) -> str | None:
    vars(server)["create"] = lambda *_, **__: server.on_delete()
    return create(fake_context(server), CreateObject(kind="pool", name="c", fields={"name": "c"}), lambda line: None)


@pytest.mark.parametrize("ask", [move, remove, make_pool])
def test_what_became_of_a_lost_request_is_unknown_if_it_cannot_be_read(
    ask: Callable[[FakeServer], str | None],
) -> None:
    """The read that fails does not hide it: the next apply finds out."""
    server = FakeServer(**{"Jobs/j": {"id": "j", "description": OURS}})
    server.on_act = server.on_delete = unreadable(server)
    with pytest.raises(ConnectionLost) as caught:
        ask(server)
    assert isinstance(caught.value.__cause__, AuthenticationFailed)


def test_a_lost_request_is_a_failure() -> None:
    server = FakeServer()

    def lose() -> dict[str, Any]:
        raise LOST

    server.on_act = lose
    with pytest.raises(RemoteError):
        move(server)


def test_a_move_that_failed_says_why() -> None:
    server = FakeServer()

    def fail() -> dict[str, Any]:
        session = server.session("s", "Waiting")
        server.objects["RepositoryOwnerChangeSessions/s"] = {"id": "s", "status": "Failed", "details": "too late"}
        return session

    server.on_act = fail
    with pytest.raises(StepFailed, match="too late"):
        move(server)


def test_one_moves_at_a_time_and_an_interrupt_ends_the_waiting() -> None:
    server = FakeServer()
    made = fake_context(server)
    made.moving.acquire()
    ended: list[str] = []

    def waiting() -> None:
        try:
            move_repository(made, MoveRepository(name="r", to="proxy.b"), lambda line: None)
        except StepFailed as error:
            ended.append(str(error))

    thread = threading.Thread(target=waiting)
    thread.start()
    made.stop.set()
    thread.join(10)
    assert ended == ["the run was interrupted while another repository was moving"]
    assert server.sent == []


@pytest.mark.parametrize(
    ("members", "sent"),
    [
        (["p2"], ["POST ProxyPools/c/proxies ['p1']", "DELETE ProxyPools/c/proxies ['p2']"]),
        (["p1", "p2"], ["DELETE ProxyPools/c/proxies ['p2']"]),
        (["p1"], []),
    ],
)
def test_members_are_looked_at_first(members: list[str], sent: list[str]) -> None:
    server = FakeServer(**{"ProxyPools/c/proxies": [{"id": ident} for ident in members]})
    change_members(fake_context(server), ChangePoolMembers(name="c", join=["a"], leave=["b"]), lambda line: None)
    assert server.sent == sent


JOB = DeleteObject(kind="job", name="daily", id="j", owner="corp")
PROXY = DeleteObject(kind="proxy", name="a", id="p1", owner="corp", force=False, credentials="")
OURS = "x [vbo-reconcile:corp]"


class TestDeletes:
    def test_by_id(self) -> None:
        server = FakeServer(**{"Jobs/j": {"id": "j", "description": OURS}})
        assert delete(fake_context(server), JOB, lambda line: None) is None
        assert server.sent == ["DELETE Jobs/j"]

    def test_what_is_gone_is_no_failure(self) -> None:
        server = FakeServer()
        assert delete(fake_context(server), JOB, lambda line: None) == "it did not exist any more"
        assert server.sent == []

    @pytest.mark.parametrize("description", [None, "", "by hand", "[vbo-reconcile:other]"])
    def test_what_lost_its_mark_is_left_alone(self, description: str | None) -> None:
        server = FakeServer(**{"Jobs/j": {"id": "j", "description": description}})
        with pytest.raises(StepFailed, match="not deleted"):
            delete(fake_context(server), JOB, lambda line: None)
        assert server.sent == []

    def test_a_lost_answer_is_looked_for(self) -> None:
        server = FakeServer(**{"Jobs/j": {"id": "j", "description": OURS}})
        answer: list[str] = []

        def lose() -> None:
            del server.objects["Jobs/j"]
            raise LOST

        server.on_delete = lose
        delete(fake_context(server), JOB, answer.append)
        assert answer == ["the response was lost, but it is deleted"]

    def test_a_lost_request_is_a_failure(self) -> None:
        server = FakeServer(**{"Jobs/j": {"id": "j", "description": OURS}})

        def lose() -> None:
            raise LOST

        server.on_delete = lose
        with pytest.raises(RemoteError):
            delete(fake_context(server), JOB, lambda line: None)

    @pytest.mark.parametrize(
        ("planned", "status", "sent"), [(False, "Online", False), (True, "Online", False), (True, "Offline", True)]
    )
    def test_force_is_for_a_proxy_that_is_still_offline(self, planned: bool, status: str, sent: bool) -> None:
        server = FakeServer(**{"Proxies/p1": {"id": "p1", "description": OURS, "status": status}})
        delete(fake_context(server), replace(PROXY, force=planned), lambda line: None)
        assert server.sent == [f"Remove Proxies/p1 {{'force': {sent}}}"]

    def test_a_proxy_that_got_a_repository_meanwhile_is_left_alone(self) -> None:
        there = {"Proxies/p1": {"id": "p1", "description": OURS, "status": "Offline"}}
        server = FakeServer(**there, BackupRepositories=[{"id": "x", "name": "new", "proxyId": "P1"}])
        with pytest.raises(StepFailed, match="repositories use it now: new"):
            delete(fake_context(server), replace(PROXY, force=True), lambda line: None)
        assert server.sent == []


@pytest.mark.parametrize(("name", "found"), [("daily", True), ("nightly", False)])
def test_up_to_v7_a_job_is_looked_for_below_its_organization(name: str, found: bool) -> None:
    server = FakeServer(**{"Organizations/o/Jobs": [{"id": "j", "name": "Daily"}], "Jobs": [{"id": "x", "name": name}]})
    server.rest = 7
    context = fake_context(server)
    context.naming.rest = 7
    context.naming.learn("organization", "contoso", "o")
    seen = find(context, KINDS["job"], name, {"organization": "contoso"})
    assert (seen or {}).get("id") == ("j" if found else None)
