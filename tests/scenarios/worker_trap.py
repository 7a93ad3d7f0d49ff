"""For `dask worker --preload`: notes each script that the worker runs on a host, and stops in the middle of one.

`TRAP` is a folder. `scripts.log` there has a line for each script that begins, and one for each that found another
version on the host than it left there. If there is a file `armed` with the name of a script, and `before` or `after`,
the next worker to run that script takes it, writes its own process id to `caught`, and waits for the file `go`, or to
be killed: before the script begins on the host, or after it has ended there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.clients.cluster import session
from reconciler.clients.host_session import HostSession, open_host
from reconciler.model.connection import Connection, ConnectionContext
from reconciler.model.script import Script

FOLDER = Path(os.environ["TRAP"])


class _Watched:
    def __init__(self, connection: Connection, context: ConnectionContext) -> None:
        self._name = connection.name
        self._session = open_host(connection, context)

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.__exit__(kind, error, trace)

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        _note(f"{script.name} {self._name}")
        when = _caught(script.name)
        if when == "before":
            _wait()
        answer = self._session.execute(script, params, deadline=deadline)
        if answer.get("before") != answer.get("version"):
            _note(f"changed by {script.name} {self._name}")
        if when == "after":
            _wait()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _note(line: str) -> None:
    with (FOLDER / "scripts.log").open("a") as log:
        log.write(f"{line}\n")


def _caught(script: str) -> str:
    with suppress(FileNotFoundError):
        wanted, when = (FOLDER / "armed").read_text().split()
        if wanted == script:
            (FOLDER / "armed").unlink()
            return when
    return ""


def _wait() -> None:
    part = FOLDER / "caught.part"
    part.write_text(str(os.getpid()))
    part.replace(FOLDER / "caught")
    while not (FOLDER / "go").exists():
        time.sleep(0.05)


def _watched(connection: Connection, context: ConnectionContext) -> HostSession:
    return _Watched(connection, context)


vars(session).update(open_host=_watched)
