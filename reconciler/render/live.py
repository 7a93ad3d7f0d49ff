"""Progress of an apply on a terminal: the running changes with their seconds, and above them those that ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from reconciler import timing
from reconciler.model.event import ChangeEnded, ChangeStarted, Event, Progress, StepDone, StepStarted, Stopping
from reconciler.model.plan import ChangeKey
from reconciler.render.progress import ended, stopping
from reconciler.render.style import Style, clean
from reconciler.render.symbols import ACTIONS
from reconciler.render.wrapping import width_of, wrapped

_TURNS = 8
"""Frames in a second."""
_WHEEL, _ASCII_WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


@dataclass(slots=True)
class _Running:
    title: str
    since: float
    news: str = ""


class Screen:
    """Draws the running changes on `stream` and leaves one line behind for each that has ended."""

    def __init__(
        self, stream: TextIO, style: Style, total: int, *, clock: Callable[[], float] = timing.monotonic
    ) -> None:
        self._console = Console(file=stream, force_terminal=True, no_color=not style.colour, highlight=False)
        self._stream = stream
        self._style = style
        self._total = total
        self._ended = 0
        self._stopping = ""
        self._clock = clock
        self._running: dict[ChangeKey, _Running] = {}
        self._lock = Lock()
        self._live = Live(
            console=self._console,
            get_renderable=self.frame,
            refresh_per_second=_TURNS,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        with self._lock:
            line = self._take(event)
        if line:
            text = wrapped(self._style.plain(line), width_of(self._stream))
            self._console.print(Text.from_ansi(text), soft_wrap=True)

    def _take(self, event: Event) -> str:
        match event:
            case ChangeStarted():
                title = f"{ACTIONS[event.action].verb} {clean(event.address)}"
                self._running[event.key] = _Running(title, self._clock())
            case ChangeEnded():
                self._running.pop(event.key, None)
                self._ended += 1
                return ended(event, self._style)
            case Stopping():
                self._stopping = clean(event.reason)
                return stopping(event, self._style)
            case StepStarted() | StepDone() | Progress():
                running = self._running.get(event.key)
                if running is not None:
                    running.news = clean(event.text)
        return ""

    def frame(self) -> Group:
        """One line for each running change, as many as the terminal has room for, and one of counts."""
        with self._lock:
            running = sorted(self._running.items(), key=lambda item: (item[1].since, item[0].address))
        room = max(1, self._console.height - 3)
        now = self._clock()
        wheel = _WHEEL if self._style.unicode else _ASCII_WHEEL
        turn = wheel[int(now * _TURNS) % len(wheel)]
        lines = [
            self._line((f"{turn} {now - item.since:6.1f} s  ", "dim"), item.title, (f"  {item.news}", "dim"))
            for _, item in running[:room]
        ]
        hidden = f", {len(running) - room} more running" if len(running) > room else ""
        waiting = max(0, self._total - self._ended - len(running))
        counts = f"  {self._ended} of {self._total} ended, {waiting} waiting{hidden}"
        stopping = (f"  stopping: {self._stopping}", "yellow") if self._stopping else ""
        return Group(*lines, self._line((counts, "bold"), stopping))

    def _line(self, *parts: str | tuple[str, str]) -> Text:
        """A line that is cut where the terminal ends."""
        return Text.assemble(*parts, no_wrap=True, overflow="ellipsis" if self._style.unicode else "crop")
