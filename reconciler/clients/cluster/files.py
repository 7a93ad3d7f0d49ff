"""Files that lie on the machine of the command, on their way to a worker: in pieces, which no scheduler keeps.

A worker keeps a file for other hosts, under its SHA-256. What it has of a file that was interrupted is not sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from reconciler.clients.cluster.unfit import Unfit, unfit
from reconciler.model.errors import BadAnswer, ReconcileError

PIECE: Final = 4 << 20
"""Bytes."""
_MOST_FILES: Final = 3
"""One for each kind of package. The temporary folder of a worker may be in memory."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Of the file `name`, which has `total` bytes. Without `data` it only asks what is there."""

    name: str
    sha256: str
    total: int
    offset: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Kept:
    """`size` bytes are on the worker. `complete`: all, and verified. `other`: all, with this other SHA-256; they are
    removed."""

    size: int
    complete: bool = False
    other: str = ""


def send(source: Path, name: str, sha256: str, give: Callable[[Piece], Kept]) -> None:
    """`give` the worker what it does not have of `source`. Raises BadAnswer if another file arrives, ReconcileError if
    `source` cannot be read."""
    try:
        with source.open("rb") as file:
            total = source.stat().st_size
            kept = give(Piece(name, sha256, total))
            while not kept.complete:
                file.seek(kept.size)
                data = file.read(PIECE)
                if not data and total:
                    raise ReconcileError(f"{source.name} became shorter while it was sent")
                kept = give(Piece(name, sha256, total, kept.size, data))
                if kept.other:
                    reason = f"the file has the SHA-256 {kept.other} there, expected {sha256}"
                    hint = "Did the file change meanwhile? Run the plan again."
                    raise BadAnswer("the worker", f"sending {source.name}", reason, hint=hint)
    except OSError as error:
        raise ReconcileError(f"{source.name} cannot be read: {error.strerror}") from error


class Turns:
    """One at a time sends a file to a worker."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._locks: dict[tuple[bytes, str], Lock] = {}

    @contextmanager
    def of(self, worker: bytes, sha256: str) -> Iterator[None]:
        with self._lock:
            turn = self._locks.setdefault((worker, sha256), Lock())
        with turn:
            yield


# On the worker

_taking = Lock()


def kept_file(folder: Path, name: str) -> Path:
    """Where a worker with this folder keeps the file `name`."""
    return folder / "vbo-reconcile-files" / Path(name).name


async def take(piece: Piece, dask_worker: Any) -> Kept | Unfit:
    """Not on the event loop, so that the worker answers its scheduler meanwhile."""
    folder = Path(dask_worker.local_directory)
    try:
        return await asyncio.to_thread(take_piece, piece, folder)
    except OSError as error:
        return unfit(error, folder)


def take_piece(piece: Piece, folder: Path) -> Kept:
    """Append it, if it is the next one. Processes that send the same file at the same time help each other. Raises
    OSError."""
    with _taking:
        file = kept_file(folder, piece.name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if file.is_file():
            file.touch()
            return Kept(piece.total, complete=True)
        part = file.with_name(f"{file.name}.part")
        size = part.stat().st_size if part.is_file() else 0
        if piece.offset == size and (piece.data or not piece.total):
            _append(part, piece.data)
            size += len(piece.data)
        if size < piece.total or not part.is_file():
            return Kept(size)
        return _finish(piece, part, file)


def _append(part: Path, data: bytes) -> None:
    """What does not fit is removed, so that it does not fill the disk."""
    try:
        with part.open("ab") as stream:
            stream.write(data)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _finish(piece: Piece, part: Path, file: Path) -> Kept:
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != piece.sha256:
        part.unlink()
        return Kept(0, other=found)
    kept = sorted((other for other in file.parent.iterdir() if not other.name.endswith(".part")), key=_last_used)
    for oldest in kept[: max(0, len(kept) + 1 - _MOST_FILES)]:
        oldest.unlink()
    part.replace(file)
    return Kept(piece.total, complete=True)


def _last_used(file: Path) -> float:
    return file.stat().st_mtime
