"""When to observe: on an interval with jitter, and at once when it is asked for or a file changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from reconciler import randomness, timing

_STEP: Final = 0.5
"""Seconds between looks at what may end the wait."""
_FILES_EVERY: Final = 5.0

Signature = tuple[tuple[str, int, int], ...]


class Schedule:
    """`interval` is in seconds; each wait is up to `jitter` of it shorter or longer. `request` may be called by any
    thread and by a signal handler: it takes no lock."""

    def __init__(self, interval: float, jitter: float = 0.1) -> None:
        self.interval = interval
        self._jitter = jitter
        self._asked = ""
        self._stopped = False

    def request(self, why: str) -> None:
        """Observe at once, or once more after the observation that goes on."""
        self._asked = why

    def stop(self) -> None:
        """End the wait for good."""
        self._stopped = True

    def wait(self, files: Callable[[], Iterable[Path]], before: Signature) -> str:
        """Wait for the next observation. `before` is the signature of the files as they were read. Returns why it is
        due: `interval`, `files`, what was requested, or nothing after `stop`."""
        end = timing.monotonic() + self.interval * (1 + self._jitter * randomness.uniform(-1, 1))
        look = timing.monotonic() + _FILES_EVERY
        while not self._stopped:
            now = timing.monotonic()
            if self._asked:
                why, self._asked = self._asked, ""
                return why
            if now >= look:
                if signature(files()) != before:
                    return "files"
                look = now + _FILES_EVERY
            if now >= end:
                return "interval"
            timing.sleep(max(0.0, min(_STEP, end - now)))
        return ""


def signature(files: Iterable[Path]) -> Signature:
    """Changes when a file is written, replaced, made or removed. Links are followed: a ConfigMap is one."""
    found = []
    for file in sorted(files):
        try:
            stat = file.stat()
        except OSError:
            found.append((str(file), 0, -1))
        else:
            found.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
