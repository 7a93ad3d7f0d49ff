"""A process that is killed between any two of its requests: the next apply ends where this one would have."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.base import Edit, inventory
from tests.worlds.server import MemoryServer
from tests.worlds.world import World, populate

Look = Callable[[], None]


class Watched(MemoryServer):
    """Calls `look` after every request that writes, scripts on hosts included."""

    def __init__(self, rest: int = 8) -> None:
        super().__init__(rest=rest)
        self.look: Look = lambda: None

    def create(self, path: str, body: Any, **more: Any) -> dict[str, Any]:
        answer = super().create(path, body, **more)
        self.look()
        return answer

    def replace(self, path: str, body: Any, **more: Any) -> None:
        super().replace(path, body, **more)
        self.look()

    def delete(self, path: str, body: Any = None, **more: Any) -> None:
        super().delete(path, body, **more)
        self.look()

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        answer = super().act(path, action, body, **more)
        if action not in ("Rescan", "CheckSshConnectionConfig"):
            self.look()
        return answer


def changed(document: dict[str, Any]) -> None:
    document["proxies"]["px-1"]["port"] = 9293
    document["proxies"]["px-3"]["port"] = 9393
    document["proxies"]["px-6"]["state"] = "absent"
    store = document["repositories"]["spare-bucket"]
    del store["proxy"]
    store["pool"] = "cloud"
    document["jobs"]["all"]["schedule"] = "manual"
    document["jobs"]["mail"]["repository"] = "disk-2"
    document["smtp"]["credentials"] = "other"


def newer(world: World) -> None:
    world.server.build = "8.6.0.100"


def same(world: World) -> None:
    pass


CASES: dict[str, tuple[Edit | None, Callable[[World], None]]] = {
    "creates": (None, same),
    "changes": (changed, same),
    "upgrades": (None, newer),
}


def prepared(folder: Path, name: str) -> tuple[World, Watched, list[Edit]]:
    edit, happens = CASES[name]
    server = Watched()
    world = World(folder, server)
    populate(server)
    if name != "creates":
        world.apply(inventory(world))
    happens(world)
    server.log.clear()
    server.data["JobSessions"] = {}
    return world, server, [edit] if edit else []


def ran(server: MemoryServer) -> set[str]:
    jobs = server.data["Jobs"]
    return {
        str(jobs[item["jobId"]]["name"])
        for item in server.data.get("JobSessions", {}).values()
        if item["jobId"] in jobs
    }


def resting(server: MemoryServer) -> list[str]:
    proxies = server.data["Proxies"].values()
    return [item["hostName"] for item in proxies if item.get("maintenanceModeState") not in (None, "Disabled")]


def killed(folder: Path, name: str) -> tuple[Watched, list[Edit], list[tuple[str, World]]]:
    """The server after an apply that ends, and the worlds in which it was killed after each of its requests."""
    world, server, edits = prepared(folder, name)
    found: list[tuple[str, World]] = []

    def look() -> None:
        twin = MemoryServer(server.rest, server.build, data=copy.deepcopy(server.data))
        twin.email, twin.count = copy.deepcopy(server.email), server.count
        found.append((server.log[-1], World(folder, twin, copy.deepcopy(world.memory), services=dict(world.services))))

    server.look = look
    world.apply(inventory(world, *edits))
    return server, edits, found


@pytest.mark.matrix
@pytest.mark.parametrize("name", CASES)
def test_the_next_apply_ends_where_this_one_would_have(tmp_path: Path, name: str) -> None:
    """Whenever it is killed: no job run is lost, no proxy stays in maintenance mode, nothing is left to do."""
    server, edits, found = killed(tmp_path, name)
    jobs = ran(server)
    assert len(found) >= 7
    assert jobs, "the case starts jobs"
    for request, world in found:
        world.apply(inventory(world, *edits))
        assert ran(world.server) >= jobs, request
        assert resting(world.server) == [], request
        assert [change.key for change in world.plan(inventory(world, *edits)).changes] == [], request
        assert len(world.server.data["Proxies"]) == len(server.data["Proxies"]), request


@pytest.mark.parametrize("name", CASES)
def test_a_job_that_was_started_is_followed_and_not_started_again(tmp_path: Path, name: str) -> None:
    _, edits, found = killed(tmp_path, name)
    world = next(world for request, world in reversed(found) if request.endswith("/start"))
    made = world.apply(inventory(world, *edits))
    assert [change.steps[0].params.get("follow") for change in made.changes] == [True]
    assert world.server.log == []
