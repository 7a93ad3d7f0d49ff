"""Events as JSON lines, for programs that follow a command while it runs.

Every message has a `type` and `at`, a time in UTC. The first one is `version`, the last one `end`. Messages and
properties may be added; read what you know and let the rest pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from threading import Lock
from typing import Any, TextIO

from reconciler import __version__
from reconciler.model.event import Event
from reconciler.model.value import json_text
from reconciler.plan.document import FORMAT_VERSION


class Stream:
    """Writes messages to `into`, each line at once. Threads may share it.

    Watching must not stop what is watched: where writing fails, `trouble` says why and nothing more is written.
    """

    def __init__(self, into: TextIO, clock: Callable[[], datetime]) -> None:
        self.trouble: OSError | None = None
        self._into = into
        self._clock = clock
        self._lock = Lock()
        self.put("version", {"format_version": FORMAT_VERSION, "tool": __version__})

    def put(self, kind: str, data: Mapping[str, Any]) -> None:
        at = self._clock().isoformat(timespec="milliseconds")
        line = json_text({"type": kind, "at": at, **data})
        with self._lock:
            self._write(line + "\n")

    def close(self) -> None:
        with self._lock, suppress(OSError):
            self._into.close()

    def _write(self, text: str) -> None:
        if self.trouble is None:
            try:
                self._into.write(text)
                self._into.flush()
            except OSError as error:
                self.trouble = error

    def hear(self, event: Event) -> None:
        """An event of an apply: `change_started`, `step_done`, …"""
        self.put(_snake(type(event).__name__), asdict(event))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
