"""What an operation waits for: a line that is redrawn on a terminal, a line now and then in a log."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread, Timer
from typing import Final, Protocol, TextIO

from reconciler import timing
from reconciler.model.waiting import Waiting
from reconciler.render.style import Style, clean
from reconciler.render.wrapping import columns_of, padded, shortened, width_of

_NAMED: Final = 3
"""How many of those that have not answered are named."""
_TURNS: Final = 8
"""Frames in a second."""
_STARTING, _WORKING = "Starting", "Working"
"""What the program does when it waits for nothing: before its first wait, and after it."""
_SOON: Final = 0.05
"""Seconds after which a command that has printed nothing says that it is starting."""
_WIDTH: Final = 80
_WHEEL, _ASCII_WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


def waiting_text(waiting: Waiting) -> str:
    """`Reading vbo.example.net and 20 hosts: 17 of 21 answered, waiting for px-1, px-2, px-3 and 1 more`."""
    if not waiting.pending:
        return clean(waiting.what)
    more = len(waiting.pending) + waiting.unnamed - _NAMED
    names = ", ".join(map(clean, waiting.pending[:_NAMED])) + (f" and {more} more" if more > 0 else "")
    answered = waiting.total - len(waiting.pending) - waiting.unnamed
    return f"{clean(waiting.what)}: {answered} of {waiting.total} answered, waiting for {names}"


class Painter(Protocol):
    """Where the line appears. `again` is in how many seconds it is to be painted again, or 0."""

    after: float
    again: float

    def paint(self, text: Callable[[], str]) -> None: ...

    def erase(self) -> None: ...


class WaitingDisplay:
    """Shows the newest `Waiting` that it is given, from any thread, until one without `what` comes, and only what takes
    longer than `painter.after` seconds. From `begin` to `finish` it also says that the program works while it waits for
    nothing."""

    def __init__(self, painter: Painter, *, clock: Callable[[], float] = timing.monotonic) -> None:
        self._painter = painter
        self._clock = clock
        self._work = ""
        self._waiting = Waiting("")
        self._since = 0.0
        self._timer: Timer | None = None
        self._painted = False
        self._held = 0
        self._lock = Lock()

    def begin(self) -> None:
        """The program works from now on."""
        with self._lock:
            self._work = _STARTING
            self._since = self._clock()
            self._paint_in(_SOON)

    def finish(self) -> None:
        """What is written from now on is the last: nothing more is shown, unless it is waited for."""
        with self._lock:
            self._work = ""
            if not self._waiting.what:
                self._end()

    def show(self, waiting: Waiting) -> None:
        with self._lock:
            changes = bool(waiting.what) is not bool(self._waiting.what)
            self._waiting = waiting
            if not (waiting.what or self._work):
                self._end()
            elif changes:
                self._since = self._clock()
                self._work = _WORKING if self._work else ""
                if not self._painted and self._timer is None:  # short waits one after the other are a long one
                    self._paint_in(self._painter.after)

    def make_way(self) -> None:
        """Before other output on the same terminal. The line is painted again if the wait goes on."""
        with self._lock:
            if self._painted:
                self._end()
                self._paint_in(self._painter.after)

    def hold(self) -> None:
        """Before a question, or another display: until `release` nothing is painted."""
        with self._lock:
            self._held += 1
            self._end()

    def release(self) -> None:
        with self._lock:
            self._held -= 1
            self._paint_in(self._painter.after)

    def _paint_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if (self._waiting.what or self._work) and not self._held:
            self._timer = Timer(seconds, self._paint)
            self._timer.daemon = True
            self._timer.start()

    def _paint(self) -> None:
        with self._lock:
            self._timer = None
            if (self._waiting.what or self._work) and not (self._held or (self._painted and not self._painter.again)):
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
        waiting, work = self._waiting, self._work
        text = waiting_text(waiting) if waiting.what else work
        return f"{self._clock() - self._since:3.0f} s  {text}" if text else ""


class TerminalLine:
    """One line at the bottom of a terminal, with a wheel that turns. Nothing but blanks and returns draws it: it is
    there before anything heavy is imported, and leaves no hidden cursor behind when the program is killed."""

    after, again = 0.1, 0.0

    def __init__(self, stream: TextIO, style: Style) -> None:
        self._stream = stream
        self._style = style
        self._columns = 0
        self._over = Event()
        self._thread: Thread | None = None

    def paint(self, text: Callable[[], str]) -> None:
        self._over = Event()
        self._draw(text())
        self._thread = Thread(target=self._turn, args=(text, self._over), name="waiting", daemon=True)
        self._thread.start()

    def _turn(self, text: Callable[[], str], over: Event) -> None:
        while not over.wait(1 / _TURNS):
            self._draw(text())

    def _draw(self, text: str) -> None:
        wheel = _WHEEL if self._style.unicode else _ASCII_WHEEL
        turn = wheel[int(timing.monotonic() * _TURNS) % len(wheel)]
        room = max((width_of(self._stream) or _WIDTH) - len(turn) - 2, 0)  # the last column is left empty
        line = self._style.plain(shortened(text, room)) if text else ""
        self._write(f"\r{self._style.paint(turn, 'dim')} {padded(line, self._columns)}")
        self._columns = columns_of(line)

    def erase(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._write(f"\r{' ' * (self._columns + 2)}\r")
        self._columns = 0

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class LogLine:
    """A whole line after ten seconds, and every half minute then. `write` takes whole lines."""

    after, again = 10.0, 30.0

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def paint(self, text: Callable[[], str]) -> None:
        self._write(text().strip() + "\n")

    def erase(self) -> None:
        """A log keeps its lines."""
