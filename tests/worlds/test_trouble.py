"""Every request that writes fails once: its answer is lost after the work was done, or it never arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import ConnectionLost, Unreachable
from tests.worlds.base import Edit, inventory
from tests.worlds.server import MemoryServer
from tests.worlds.world import World, populate


class Unsteady(MemoryServer):
    """The request number `at` (from 0) fails; with `done` after its work was done."""

    at = -1
    done = True

    def _fails(self, *, done: bool) -> Iterator[None]:
        """Raises for the request that is to fail, before or after its work."""
        if len(self.log) - done == self.at and self.done == done:
            self.at = -1
            raise (ConnectionLost if done else Unreachable)("server", "writing", "the connection broke")
        yield

    def create(self, path: str, body: Any, **more: Any) -> dict[str, Any]:
        next(self._fails(done=False))
        answer = super().create(path, body, **more)
        next(self._fails(done=True))
        return answer

    def replace(self, path: str, body: Any, **more: Any) -> None:
        next(self._fails(done=False))
        super().replace(path, body, **more)
        next(self._fails(done=True))

    def delete(self, path: str, body: Any = None, **more: Any) -> None:
        next(self._fails(done=False))
        super().delete(path, body, **more)
        next(self._fails(done=True))

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        if action in ("Rescan", "CheckSshConnectionConfig"):
            return super().act(path, action, body, **more)
        next(self._fails(done=False))
        answer = super().act(path, action, body, **more)
        next(self._fails(done=True))
        return answer


def everything(document: dict[str, Any]) -> None:
    """Something of every kind is changed, moved, and deleted."""
    document["proxies"]["px-1"]["port"] = 9293
    document["proxies"]["px-3"]["description"] = "new"
    del document["proxies"]["px-4"]["pool"]
    document["proxies"]["px-6"]["state"] = "absent"
    store = document["repositories"]["spare-bucket"]
    del store["proxy"]
    store["pool"] = "cloud"
    del document["repositories"]["spare-disk"]
    document["jobs"]["post"] = {**document["jobs"].pop("mail"), "formerly": "mail"}
    del document["jobs"]["files"]
    document["jobs"]["all"]["schedule"] = "manual"
    document["smtp"]["port"] = 25
    document["smtp"]["credentials"] = "other"


def nothing(document: dict[str, Any]) -> None:
    pass


def world_of(folder: Path, rest: int, *, applied: bool) -> tuple[World, Unsteady]:
    server = Unsteady(rest=rest)
    world = World(folder, server)
    populate(server)
    if applied:
        world.apply(inventory(world))
        server.log.clear()
    return world, server


def names(server: MemoryServer) -> Counter[str]:
    return Counter(
        f"{collection}/{item.get('hostName') or item.get('name')}"
        for collection in ("Proxies", "ProxyPools", "BackupRepositories", "Jobs")
        for item in server.data[collection].values()
    )


WRITES = {"create": (nothing, False, 8, 18), "create-v7": (nothing, False, 7, 12), "change": (everything, True, 8, 12)}
"""By name: an edit, whether the inventory was applied before, the REST version, and the least number of writes."""


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("name", "done"),
    [
        pytest.param("create", True, id="create-lost"),
        pytest.param("change", False, id="change-not sent"),
        pytest.param("create", False, id="create-not sent", marks=pytest.mark.matrix),
        pytest.param("change", True, id="change-lost", marks=pytest.mark.matrix),
        pytest.param("create-v7", True, id="create-v7-lost", marks=pytest.mark.matrix),
        pytest.param("create-v7", False, id="create-v7-not sent", marks=pytest.mark.matrix),
    ],
)
def test_a_request_that_fails_once(tmp_path: Path, name: str, *, done: bool) -> None:
    """Whichever it is: nothing is there twice, and the next apply does what is left."""
    edit, applied, rest, least = WRITES[name]
    world, server = world_of(tmp_path / "all", rest, applied=applied)
    edits: list[Edit] = [edit] if rest == 8 else []
    world.apply(inventory(world, *edits))
    writes = len(server.log)
    assert writes >= least
    wanted = names(server)
    for number in range(writes):
        world, server = world_of(tmp_path / str(number), rest, applied=applied)
        server.at, server.done = number, done
        world.apply(inventory(world, *edits))
        assert server.at == -1, "the request failed"
        assert max(names(server).values()) == 1, f"twice after request {number}"
        world.apply(inventory(world, *edits))
        left = world.plan(inventory(world, *edits)).changes
        assert [change.key for change in left] == [], f"left after request {number}"
        assert names(server) == wanted


@pytest.mark.parametrize("name", [pytest.param("create", marks=pytest.mark.matrix), "change"])
def test_a_lost_answer_is_no_failure_if_what_it_did_is_seen(tmp_path: Path, name: str) -> None:
    """What creates, deletes or moves looks whether it was done; a PUT is sent again. Only the start of a job, and the
    members of a pool, are left to the next apply."""
    edit, applied, rest, _ = WRITES[name]
    world, server = world_of(tmp_path / "all", rest, applied=applied)
    world.apply(inventory(world, edit))
    log = list(server.log)
    failed = []
    for number, line in enumerate(log):
        world, server = world_of(tmp_path / str(number), rest, applied=applied)
        server.at = number
        world.apply(inventory(world, edit))
        if {end.outcome.value for end in world.result.outcomes.values()} != {"done"}:
            failed.append(line.rpartition("/")[2] if "/" in line else line)
    assert {*failed} <= {"start", "proxies"}, failed
