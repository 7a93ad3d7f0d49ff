"""SIGINT and SIGTERM: both end what is under way in order, and both are told apart in the exit code."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from reconciler.cli import exits


class Interrupts:
    """While entered, SIGTERM raises KeyboardInterrupt as SIGINT does. `code` is the exit code of the one that came."""

    def __init__(self) -> None:
        self.code = exits.INTERRUPTED
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        self.code = exits.TERMINATED
        raise KeyboardInterrupt
