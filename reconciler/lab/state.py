"""What the lab remembers: one JSON document for each of its parts, kept on disk between commands."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

from reconciler.model.errors import ReconcileError


class StateError(ReconcileError):
    """A state file of the lab cannot be read. The message names the file and what to do."""


class Document:
    """One JSON document on disk.

    `data` is the document itself: change it only while holding `lock`, then call `save()`. The file is replaced
    atomically, mode 0600 in a folder of mode 0700, because it may hold passwords of the lab.
    """

    def __init__(self, path: Path, default: Callable[[], dict[str, Any]]) -> None:
        """Reads `path`; where it does not exist yet, `default()` is the first content (saved by the first `save()`)."""
        self.path = path
        self.lock = RLock()
        self._saved = b""
        self.data: dict[str, Any] = self._load() if path.exists() else default()

    def _load(self) -> dict[str, Any]:
        try:
            text = self.path.read_bytes()
            loaded = json.loads(text)
        except (OSError, ValueError) as error:
            raise StateError(
                f"{self.path}: the lab's state cannot be read ({error}); start over with: lab reset"
            ) from error
        if not isinstance(loaded, dict):
            raise StateError(f"{self.path}: this is not the state of a lab; start over with: lab reset")
        self._saved = _digest(text)
        return loaded

    def save(self) -> bool:
        """Write the document if it has changed, and return whether it has. Readers see the old file or the new one,
        never a part of it."""
        with self.lock:
            text = json.dumps(self.data, ensure_ascii=False).encode()
            digest = _digest(text)
            if digest == self._saved:
                return False
            folder = self.path.parent
            if not self._saved and not folder.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            temporary = folder / f".{self.path.name}.{os.getpid()}.new"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                stream.write(text)
            temporary.replace(self.path)
            self._saved = digest
            return True


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text).digest()
