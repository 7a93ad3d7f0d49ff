"""What an operation waits for: a line that is redrawn on a terminal, a line now and then in a log."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Timer
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from reconciler import timing
from reconciler.model.waiting import Waiting
from reconciler.render.style import Style, clean
from reconciler.render.wrapping import shortened

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_NAMED: Final = 3
"""How many of those that have not answered are named."""
_TURNS: Final = 8
"""Frames in a second."""
_WHEEL, _ASCII_WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


def waiting_text(waiting: Waiting) -> str:
    """`Reading vbo.example.net and 20 hosts: 17 of 21 answered, waiting for px-1, px-2, px-3 and 1 more`."""
    if not waiting.pending:
        return clean(waiting.what)
    more = len(waiting.pending) - _NAMED
    names = ", ".join(map(clean, waiting.pending[:_NAMED])) + (f" and {more} more" if more > 0 else "")
    answered = waiting.total - len(waiting.pending)
    return f"{clean(waiting.what)}: {answered} of {waiting.total} answered, waiting for {names}"


class Painter(Protocol):
    """Where the line appears. `again` is in how many seconds it is to be painted again, or 0."""

    after: float
    again: float

    def paint(self, text: Callable[[], str]) -> None: ...

    def erase(self) -> None: ...


class WaitingDisplay:
    """Shows the newest `Waiting` that it is given, from any thread, until one without `what` comes, and only what takes
    longer than `painter.after` seconds."""

    def __init__(self, painter: Painter, *, clock: Callable[[], float] = timing.monotonic) -> None:
        self._painter = painter
        self._clock = clock
        self._waiting = Waiting("")
        self._since = 0.0
        self._timer: Timer | None = None
        self._painted = False
        self._lock = Lock()

    def show(self, waiting: Waiting) -> None:
        with self._lock:
            begins = bool(waiting.what) and not self._waiting.what
            self._waiting = waiting
            if begins:
                self._since = self._clock()
                self._paint_in(self._painter.after)
            elif not waiting.what:
                self._end()

    def make_way(self) -> None:
        """Before other output on the same terminal. The line is painted again if the wait goes on."""
        with self._lock:
            if self._painted:
                self._end()
                self._paint_in(self._painter.after)

    def _paint_in(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._paint)
        self._timer.daemon = True
        self._timer.start()

    def _paint(self) -> None:
        with self._lock:
            if self._waiting.what:
                self._painted = True
                self._painter.paint(self.text)
                if self._painter.again:
                    self._paint_in(self._painter.again)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._painted:
            self._painted = False
            self._painter.erase()

    def text(self) -> str:
        """The line as it is now. Takes no lock: who draws may hold it."""
        waiting = self._waiting
        return f"{self._clock() - self._since:3.0f} s  {waiting_text(waiting)}" if waiting.what else ""


class TerminalLine:
    """One line at the bottom of a terminal, with a wheel that turns."""

    after, again = 0.2, 0.0

    def __init__(self, stream: TextIO, style: Style) -> None:
        self._stream = stream
        self._style = style
        self._live: Live | None = None

    def paint(self, text: Callable[[], str]) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        wheel = _WHEEL if self._style.unicode else _ASCII_WHEEL

        def frame() -> Text:
            turn = wheel[int(timing.monotonic() * _TURNS) % len(wheel)]
            line = self._style.plain(shortened(text(), console.width - 2))
            return Text.assemble((f"{turn} ", "dim"), line, no_wrap=True, overflow="crop")

        console = Console(file=self._stream, force_terminal=True, no_color=not self._style.colour, highlight=False)
        self._live = Live(
            console=console,
            get_renderable=frame,
            refresh_per_second=_TURNS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def erase(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class LogLine:
    """A whole line after ten seconds, and every half minute then. `write` takes whole lines."""

    after, again = 10.0, 30.0

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def paint(self, text: Callable[[], str]) -> None:
        self._write(text().strip() + "\n")

    def erase(self) -> None:
        """A log keeps its lines."""
