"""The part of a Dask client that the project uses, with workers in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import iscoroutine
from typing import Any, cast

from reconciler.clients.cluster.cluster import Cluster
from reconciler.clients.cluster.errand import Answer, Declined, Errand


def written(value: Any) -> bytes:
    """As Dask writes it. Its import takes a second, so it is not at the head."""
    from distributed.protocol import pickle

    text: bytes = pickle.dumps(value)
    return text


def loaded(text: bytes) -> Any:
    from distributed.protocol import pickle

    return pickle.loads(text)


class Future:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def add_done_callback(self, call: Callable[[Any], None]) -> None:
        call(self)

    def result(self) -> Answer:
        return self._answer

    def release(self) -> None:
        pass


class Client:
    """The part of Dask's client that is used. Workers whose address is in `dead` lose what they are given. `answers`
    come instead of those of the workers."""

    status = "running"

    def __init__(self, resources: dict[str, dict[str, float]], dead: set[str]) -> None:
        self.resources, self.dead = resources, dead
        self.asked: list[str] = []
        self.answers: list[Answer] = []
        self.sent: list[bytes] = []

    def run(
        self, function: Callable[..., Any], *arguments: Any, workers: list[str] | None = None, on_error: str
    ) -> dict[str, Any]:
        assert on_error == "ignore"
        wanted = self.resources if workers is None else workers
        called = {name: function(*loaded(written(arguments))) for name in wanted if name not in self.dead}
        return {name: asyncio.run(found) if iscoroutine(found) else found for name, found in called.items()}

    def scheduler_info(self, **_: Any) -> dict[str, Any]:
        return {"workers": {name: {"name": name, "resources": found} for name, found in self.resources.items()}}

    def submit(self, function: Any, sent: Errand, *, workers: list[str], **options: Any) -> Future:
        assert options["retries"] == 0
        assert options["allow_other_workers"] is False
        self.asked += workers
        self.sent.append(written(sent))
        if self.answers:
            return Future(self.answers.pop(0))
        lost = self.asked[0] == workers[0] and workers[0] in self.resources and len(self.asked) == 1
        if lost and "dies" in self.resources[workers[0]]:
            self.dead.add(workers[0])
            return Future(Answer(declined=Declined.OTHER_KEY))
        return Future(function(loaded(written(sent))))


def cluster(**resources: dict[str, float]) -> tuple[Cluster, Client]:
    client = Client(resources, set())
    found = Cluster(cast("Any", client), "scheduler:8786")
    found.refresh()
    return found, client
