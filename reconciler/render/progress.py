"""Progress of an apply as lines, for logs and continuous integration. `live.py` is for terminals."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

from reconciler.model.event import ChangeEnded, ChangeStarted, Event, Outcome, Progress, StepDone, StepStarted, Stopping
from reconciler.render.style import Style, clean
from reconciler.render.symbols import ACTIONS

_LOOKS = {Outcome.DONE: "green", Outcome.FAILED: "red", Outcome.SKIPPED: "yellow", Outcome.NOT_STARTED: "dim"}


class Driver(Protocol):
    """Shows events while it is entered. Events come from any thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, event: Event) -> None: ...


def ended(event: ChangeEnded, style: Style) -> str:
    """`done    create proxy.px-1 (3.2 s)`, with the reason if it is not done."""
    verb = ACTIONS[event.action].verb if event.action in ACTIONS else event.action
    outcome = style.paint(f"{event.outcome.value:<8}", _LOOKS[event.outcome])
    detail = f": {clean(event.detail)}" if event.detail else ""
    took = f" ({event.seconds:.1f} s)" if event.outcome in (Outcome.DONE, Outcome.FAILED) else ""
    return f"{outcome} {verb} {clean(event.address)}{took}{detail}"


def stopping(event: Stopping, style: Style) -> str:
    """`Nothing else is started: 2 changes failed, the maximum. Waiting for 3 running changes to finish.`"""
    changes = "1 running change" if event.running == 1 else f"{event.running} running changes"
    again = " (Ctrl-C again stops now)" if event.interrupted else ""
    waiting = f" Waiting for {changes} to finish{again}." if event.running else ""
    return style.paint(f"Nothing else is started: {clean(event.reason).rstrip('.')}.{waiting}", "yellow", "bold")


class Lines:
    """One line for each event, in order. `write` takes whole lines."""

    def __init__(self, write: Callable[[str], None], style: Style, total: int) -> None:
        self._write = write
        self._style = style
        self._total = total
        self._ended = 0
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        with self._lock:
            line = self._line(event)
            if line:
                self._write(self._style.plain(line) + "\n")

    def _line(self, event: Event) -> str:
        match event:
            case ChangeEnded():
                self._ended += 1
                return f"[{self._ended:>{len(str(self._total))}}/{self._total}] {ended(event, self._style)}"
            case ChangeStarted():
                return ""
            case StepStarted():
                return f"  {clean(event.key.address)}: {clean(event.text)} ..."
            case StepDone():
                return f"  {clean(event.key.address)}: {clean(event.text)} done ({event.seconds:.1f} s)"
            case Stopping():
                return stopping(event, self._style)
            case Progress():
                return f"  {clean(event.key.address)}: {clean(event.text)}"
