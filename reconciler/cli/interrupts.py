"""Signals that end a command: the first stops in order, each further one sooner. Never a traceback.

SIGHUP, of a terminal or session that is gone, and Ctrl-Break on Windows count as SIGTERM. A session that ends sends
SIGHUP more than once, so only its first counts; under nohup it is ignored.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from reconciler.cli import exits
from reconciler.operations.status import Status

_CODES = {
    getattr(signal, name): code
    for name, code in (
        ("SIGINT", Status.INTERRUPTED),
        ("SIGTERM", exits.TERMINATED),
        ("SIGHUP", exits.TERMINATED),
        ("SIGBREAK", exits.TERMINATED),
    )
    if hasattr(signal, name)
}
_HANG_UP = getattr(signal, "SIGHUP", None)
_GRACE, _GRACE_WITH_LOCK = 0.8, 3.0
"""Seconds for a command to end in order after an interrupt, and for one that has a lock to release."""
_REDIRECTED = 2
"""Signals that are redirected; the one after them ends the process."""


class Interrupts:
    """While entered, the first signal raises KeyboardInterrupt in the main thread, and the next one ends the process.
    `code` is the exit code of the first signal. A command that has not ended soon after it is left, whatever it waits
    for, and also if Python dropped the exception; `late` says so then. `lock` is the server whose lock is held."""

    def __init__(self, leave: Callable[[int], Any] = os._exit) -> None:
        self.code: int = Status.INTERRUPTED
        self.count = 0
        self.lock = ""
        self.late: Callable[[], None] = lambda: None
        self._timer: threading.Timer | None = None
        self._leave = leave
        self._hear: Callable[[], None] | None = None
        self._unraisable = sys.unraisablehook
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in _CODES if number != _HANG_UP or not _is_ignored(number)]
            self._before = {number: signal.signal(number, self._take) for number in heard}
            self._unraisable = sys.unraisablehook
            sys.unraisablehook = self._drop
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            sys.unraisablehook = self._unraisable

    @contextmanager
    def redirected(self, hear: Callable[[], None]) -> Iterator[None]:
        """Inside, nothing is raised: `hear` is called for the first two signals. It runs in a signal handler, so it
        must take no lock. It is also called at once for a signal that came before and was dropped."""
        self.ended()
        self._hear = hear
        if self.count:
            hear()
        try:
            yield
        finally:
            self._hear = None

    def leave(self) -> None:
        """End the process now, without waiting for its threads."""
        self._leave(self.code)

    def _leave_soon(self) -> None:
        """A name lookup or a logout from a server does not notice an interrupt."""
        self._timer = threading.Timer(_GRACE_WITH_LOCK if self.lock else _GRACE, self._leave_late)
        self._timer.daemon = True
        self._timer.start()

    def ended(self) -> None:
        """The command has ended in order, or ends by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _leave_late(self) -> None:
        self.late()
        self.leave()

    def _drop(self, ignored: sys.UnraisableHookArgs) -> None:
        """Python drops exceptions that are raised while it finalizes an object. `count` counts that signal anyway."""
        if ignored.exc_type is not KeyboardInterrupt:
            self._unraisable(ignored)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.count and number == _HANG_UP:
            return
        self.count += 1
        if self.count == 1:
            self.code = _CODES[signal.Signals(number)]
        if self._hear is not None and self.count <= _REDIRECTED:
            self._hear()
        elif self.count == 1:
            self._leave_soon()
            raise KeyboardInterrupt
        else:
            self.leave()


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN
