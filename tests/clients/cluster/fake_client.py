"""The part of a Dask client that the project uses, with workers in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from inspect import isawaitable, signature
from pathlib import Path
from threading import Thread
from typing import Any, cast

from reconciler.clients.cluster.cluster import Cluster
from reconciler.clients.cluster.errand import Answer
from reconciler.clients.cluster.worker import visit


def written(value: Any) -> bytes:
    """As Dask writes it. Its import takes a second, so it is not at the head."""
    from distributed.protocol import pickle

    text: bytes = pickle.dumps(value)
    return text


def loaded(text: bytes) -> Any:
    from distributed.protocol import pickle

    return pickle.loads(text)


class _Threads(Executor):
    """Of a worker. They run in the thread of the caller."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(function(*arguments, **named))
        return done


class _Loop:
    """In a thread, as that of a client."""

    def __init__(self) -> None:
        self.asyncio_loop = asyncio.new_event_loop()
        Thread(target=self.asyncio_loop.run_forever, daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Worker:
    """What Dask hands to a function that asks for its worker."""

    local_directory: str
    executors: dict[str, Executor] = field(default_factory=lambda: {"default": _Threads()})


class Client:
    """The part of Dask's client that is used. Workers whose address is in `dead` lose what they are given. `answers`
    come instead of those of the workers to errands. `asked` and `sent` are about errands. The workers keep files in
    `folder`. `delay` is called with the name of a worker before it answers."""

    status = "running"
    loop = _Loop()

    def __init__(self, folder: Path, resources: dict[str, dict[str, float]]) -> None:
        self.folder, self.resources = folder, resources
        self.dead: set[str] = set()
        self.delay: Callable[[str], None] = lambda name: None
        self.asked: list[str] = []
        self.answers: list[Answer] = []
        self.sent: list[bytes] = []

    def run(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        workers: list[str] | None = None,
        on_error: str,
        asynchronous: bool = False,
    ) -> Any:
        names = list(self.resources) if workers is None else workers
        asked = self._run(function, loaded(written(arguments)), names, on_error)
        return asked if asynchronous else asyncio.run(asked)

    async def _run(
        self, function: Callable[..., Any], arguments: Any, workers: list[str], on_error: str
    ) -> dict[str, Any]:
        found = {name: await self._answer(name, function, arguments) for name in workers}
        return found if on_error == "return" else {name: got for name, got in found.items() if name not in self.dead}

    async def _answer(self, name: str, function: Callable[..., Any], arguments: Any) -> Any:
        self.delay(name)
        if function is visit:
            self.asked.append(name)
            self.sent.append(written(arguments))
            if self.answers:
                return self.answers.pop(0)
            if "dies" in self.resources[name]:
                self.dead.add(name)
        if name in self.dead:
            return OSError(f"{name} does not answer")
        more = {"dask_worker": _Worker(str(self.folder))} if "dask_worker" in signature(function).parameters else {}
        found = function(*arguments, **more)
        return await found if isawaitable(found) else found

    def nthreads(self) -> dict[str, int]:
        return {name: 1 for name in self.resources if name not in self.dead}

    def scheduler_info(self, **_: Any) -> dict[str, Any]:
        return {"workers": {name: {"name": name, "resources": found} for name, found in self.resources.items()}}


def cluster(folder: Path, **resources: dict[str, float]) -> tuple[Cluster, Client]:
    client = Client(folder, resources)
    found = Cluster(cast("Any", client), "scheduler:8786")
    found.refresh()
    return found, client
