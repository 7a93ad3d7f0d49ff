"""Uploads files to Windows hosts, in pieces on the standard input of `playbooks/windows/upload.ps1`.

WinRM has no file transfer. A piece is small enough for the JSON parser of Windows PowerShell 5.1 (2 MB of text), and an
interrupted upload is resumed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from reconciler import timing
from reconciler.clients.script_output import interpreting
from reconciler.model.errors import BadAnswer, DeadlineExceeded, ReconcileError
from reconciler.model.script import Script
from reconciler.package_data import shipped_script

PIECE: Final = 1 << 20
"""Bytes: 1.4 MB of text in base64."""

_LARGEST: Final = 1 << 40


class Runner(Protocol):
    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any: ...


class _Answer(NamedTuple):
    there: bool
    path: str
    size: int
    sha256: str


class Upload:
    """One file to one host. `name` is its digest with the extension of the source; `deadline` is for the whole
    upload."""

    def __init__(
        self, host: Runner, peer: str, name: str, *, deadline: float, clock: Callable[[], float] = timing.monotonic
    ) -> None:
        self._host = host
        self._peer = peer
        self._name = name
        self._seconds = deadline
        self._clock = clock
        self._end = clock() + deadline

    def send(self, source: Path, sha256: str) -> str:
        """Upload, and return the path on the host. Raises RemoteError; ReconcileError if `source` cannot be read."""
        found = self._ask("look", sha256)
        if found.there:
            return found.path
        try:
            with source.open("rb") as file:
                offset = found.size
                if offset > source.stat().st_size:
                    self._ask("remove", sha256)
                    offset = 0
                file.seek(offset)
                while data := file.read(PIECE):
                    text = base64.b64encode(data).decode("ascii")
                    offset = self._ask("piece", sha256, offset=offset, data=text).size
        except OSError as error:
            raise ReconcileError(f"{source.name} cannot be read: {error.strerror}") from error
        arrived = self._ask("finish", sha256)
        if not arrived.there:
            reason = f"the uploaded file has the SHA-256 {arrived.sha256}, expected {sha256}"
            hint = "Did the file change during the upload? Run the plan again."
            raise BadAnswer(self._peer, f"uploading {source.name}", reason, hint=hint)
        return arrived.path

    def remove(self) -> None:
        """Remove the file and a partial upload. Raises RemoteError."""
        self._ask("remove", "")

    def _ask(self, step: str, sha256: str, *, offset: int = 0, data: str = "") -> _Answer:
        left = self._end - self._clock()
        if left <= 0:
            raise DeadlineExceeded(self._peer, "uploading a file", f"not done after {self._seconds:g} s")
        params = {"step": step, "name": self._name, "sha256": sha256, "offset": offset, "data": data}
        script = shipped_script("windows/upload.ps1")
        answer = self._host.execute(script, params, deadline=left)
        with interpreting(self._peer, script.name):
            size = int(answer["size"])
            if not 0 <= size < _LARGEST:
                raise ValueError(size)
            return _Answer(bool(answer["there"]), str(answer["path"]), size, str(answer["sha256"]))
