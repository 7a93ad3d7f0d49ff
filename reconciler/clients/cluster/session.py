"""A host session whose calls a worker makes, each with a separate login and each at most once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from reconciler import timing
from reconciler.clients.cluster.files import kept_file, send
from reconciler.clients.host_session import name_on_host, open_host
from reconciler.model.errors import DeadlineExceeded

if TYPE_CHECKING:
    from reconciler.clients.cluster.errand import Visit
    from reconciler.clients.cluster.files import Kept, Piece
    from reconciler.model.connection import Connection, ConnectionContext
    from reconciler.model.script import Script


@dataclass(frozen=True, slots=True)
class Run:
    """`params` are empty on the way: they travel sealed."""

    script: Script
    deadline: float
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return f"running {self.script.name}"


@dataclass(frozen=True, slots=True)
class Upload:
    """Of the file `name`, which the worker has."""

    name: str
    sha256: str
    deadline: float

    @property
    def what(self) -> str:
        return "uploading a file"


@dataclass(frozen=True, slots=True)
class Remove:
    path: str
    deadline: float

    @property
    def what(self) -> str:
        return "removing a file"


Call = Run | Upload | Remove
Give = Callable[["Piece"], "Kept"]
"""Sends a piece of a file to the worker that is to make the call."""


class Workers(Protocol):
    """What a session needs of a cluster."""

    def change(
        self,
        function: Visit,
        connection: Connection,
        context: ConnectionContext,
        prepare: Callable[[Give], Call],
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """What `function` returns on a worker, for the call of `prepare`, which may send it files before. Raises what
        `function` raises; ConnectionLost if the worker ends after it may have begun."""
        ...


class WorkerSession:
    """See `HostSession`."""

    def __init__(self, workers: Workers, connection: Connection, context: ConnectionContext) -> None:
        self._workers = workers
        self._connection = connection
        self._context = context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every call has ended its connection."""

    def is_usable(self) -> bool:
        return False

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        call = Run(script, deadline)
        return self._workers.change(run_script, self._connection, self._context, lambda _: call, dict(params))

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        """The worker is sent the file first, unless it has it."""
        name, end = name_on_host(source, sha256), timing.monotonic() + deadline

        def left() -> float:
            seconds = end - timing.monotonic()
            if seconds <= 0:
                raise DeadlineExceeded(self._connection.peer, "uploading a file", f"not done after {deadline:g} s")
            return seconds

        def prepare(give: Give) -> Upload:
            def give_in_time(piece: Piece) -> Kept:
                left()
                return give(piece)

            send(source, name, sha256, give_in_time)
            return Upload(name, sha256, left())

        path: str = self._workers.change(upload_file, self._connection, self._context, prepare)
        return path

    def remove(self, path: str, *, deadline: float) -> None:
        call = Remove(path, deadline)
        self._workers.change(remove_file, self._connection, self._context, lambda _: call)


def run_script(connection: Connection, context: ConnectionContext, call: Run) -> Any:
    with open_host(connection, context) as session:
        return session.execute(call.script, call.params, deadline=call.deadline)


def upload_file(connection: Connection, context: ConnectionContext, call: Upload) -> str:
    with open_host(connection, context) as session:
        kept = kept_file(Path(context.root).parent, call.name)  # the root of a visit is in the folder of its worker
        return session.upload(kept, call.sha256, deadline=call.deadline)


def remove_file(connection: Connection, context: ConnectionContext, call: Remove) -> None:
    with open_host(connection, context) as session:
        session.remove(call.path, deadline=call.deadline)
