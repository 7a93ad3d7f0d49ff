"""The two streams: the result goes to standard output, messages about it to standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from reconciler import timing
from reconciler.cli.commands import World
from reconciler.cli.displays import SilentStream, abandon, silent
from reconciler.cli.interrupts import Interrupts
from reconciler.operations.private_files import naming

if TYPE_CHECKING:
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.model.event import Event
    from reconciler.operations.events import Notice
    from reconciler.operations.runtime import Runtime
    from reconciler.render.stream import Stream
    from reconciler.render.style import Style
    from reconciler.render.waiting import WaitingDisplay

STANDARD_OUTPUT: Final = "standard output"


@dataclass(slots=True)
class Console:
    """Where a command writes. `machine`: a program reads standard output, so only the result is written there.

    Standard error goes silent where its reader does. So does standard output once `working` is set, when changes may
    have been made: `lost` has the error until the end.

    Python has None in the place of a stream that was closed at its start (`>&-`): what is written there is dropped.
    """

    out: TextIO = field(default_factory=lambda: sys.stdout or io.StringIO())
    err: TextIO = field(default_factory=lambda: sys.stderr or io.StringIO())
    into: TextIO = field(default_factory=lambda: sys.stdin or io.StringIO())
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    colour: str = "auto"
    quiet: bool = False
    verbose: bool = False
    machine: bool = False
    detail_level: str = "normal"
    world: World = field(default_factory=World)
    lab_runs_scripts: bool = False
    stream: Stream | None = None
    answered: bool = False
    """Whether anything was written to standard output."""
    working: bool = False
    has_locked: bool = False
    """Whether the command has held the lock of a server: then it makes changes once it is `working`."""
    lost: OSError | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    _display: WaitingDisplay | None = None

    def result(self, text: str, *, own: bool = False) -> None:
        """Print the result. With `own` it holds nothing that others wrote, and is printed as it is."""
        from reconciler.render.style import for_log

        self.answered = self.answered or bool(text)
        if not self.out.isatty():
            self.settle()  # a pager may be drawing on the terminal from now on
        self.make_way()
        with self.deferring():
            _write(self.out, text if own else self._fitted(for_log(text)))

    def _fitted(self, text: str) -> str:
        """A result for people, in lines that fit the terminal."""
        from reconciler.render.wrapping import width_of, wrapped

        return text if self.machine else wrapped(text, width_of(self.out))

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Around the display of results: once `working`, an error is kept until the command ends."""
        try:
            yield
        except OSError as error:
            if not self.working:
                raise
            if self.lost is None:
                self.lost = error
            if error.filename == STANDARD_OUTPUT:
                abandon(self.out)

    def deferred(self, listen: Callable[[Notice | Event], None]) -> Callable[[Notice | Event], None]:
        """`listen` inside of `deferring`."""

        def listener(event: Notice | Event) -> None:
            with self.deferring():
                listen(event)

        return listener

    def report(self, text: str) -> None:
        """Print a message, unless --quiet, after what was printed so far of the result."""
        if not self.quiet:
            with suppress(OSError):  # the end of the command reports it
                self.out.flush()
            self._say(self.world.completed(text) + "\n")

    def announce(self, text: str) -> None:
        """Print commands for a pipeline on standard error, also with --quiet."""
        self.make_way()
        self._write_message(text)

    def detail(self, text: str) -> None:
        """Print a message if --verbose."""
        if self.verbose:
            self._say(text + "\n")

    def problems(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Print diagnostics on standard error, also with --quiet."""
        self._print_problems(self._completed(diagnostics))

    def _completed(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        return [replace(item, fix=self.world.completed(item.fix)) for item in diagnostics]

    def _print_problems(self, completed: Iterable[Diagnostic]) -> None:
        from reconciler.render.diagnostics import diagnostics_text

        self._say(diagnostics_text(completed, self.err_style))

    def _say(self, text: str) -> None:
        from reconciler.render.style import for_log
        from reconciler.render.wrapping import width_of, wrapped

        self.make_way()
        self._write_message(wrapped(for_log(text), width_of(self.err)))

    def _write_message(self, text: str) -> None:
        with silent(self.err):
            _write(self.err, text)

    def make_way(self) -> None:
        """Before anything is written on the terminal: a line that says what is waited for goes."""
        if self._display is not None:
            self._display.make_way()

    def begin(self) -> None:
        """On a terminal, show from now on that the command works."""
        if self.can_draw:
            self._waiting_display.begin()

    def settle(self) -> None:
        """The command ends, or serves from now on."""
        if self._display is not None:
            self._display.finish()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Around a question or another display: nothing is drawn meanwhile."""
        display = self._display
        if display is None:
            yield
            return
        display.hold()
        try:
            yield
        finally:
            display.release()

    @property
    def _waiting_display(self) -> WaitingDisplay:
        """Shows what is waited for: on a terminal while it lasts, in a log now and then."""
        from reconciler.render.waiting import LogLine, TerminalLine, WaitingDisplay

        if self._display is None:
            stream = cast("TextIO", SilentStream(self.err))
            line = TerminalLine(stream, self.err_style) if self.can_draw else LogLine(self._log)
            self._display = WaitingDisplay(line)
        return self._display

    def _log(self, line: str) -> None:
        """A line of the display itself, which makes way for everything else."""
        self._write_message(line)
        self._flush_messages()

    def _record_all(self, diagnostics: Iterable[Diagnostic]) -> None:
        from reconciler.plan.document import diagnostic_to_json

        for item in diagnostics:
            self.record("diagnostic", diagnostic_to_json(item))

    def fail(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Print why a command ends without a result, as JSON too if a program reads standard output."""
        found = self._completed(diagnostics)
        self._print_problems(found)
        self._record_all(found)
        if self.machine and not self.answered:
            from reconciler.render.document import document, findings

            self.result(document(findings(found)))

    @property
    def runtime(self) -> Runtime:
        """The runtime of an operation that a command calls."""
        return self.plain_runtime()

    def plain_runtime(self) -> Runtime:
        from reconciler.cli.run_output import progress
        from reconciler.operations.runtime import Runtime

        return Runtime(
            environment=self.environment,
            listen=self.hear,
            watch=partial(progress, self),
            include_root=self.world.include_root,
            lab_runs_scripts=self.lab_runs_scripts,
            trust=self.world.trust,
            executor=self.world.executor,
        )

    def hear(self, notice: Notice | Event) -> None:
        """Print what an operation reports."""
        from reconciler.model.waiting import Waiting
        from reconciler.operations.events import (
            Abandoned,
            Executed,
            Finished,
            InventoryLoaded,
            Locked,
            Message,
            Planned,
            Verified,
            Warned,
        )
        from reconciler.render.style import clean

        match notice:
            case Message(text, verbose):
                (self.detail if verbose else self.report)(text)
            case Waiting():
                if not self.quiet:
                    self._waiting_display.show(notice)
            case InventoryLoaded(files, warnings):
                if warnings and not self.quiet:
                    self.problems(warnings)
                self.detail(f"Read {', '.join(map(clean, files))}")
            case Warned(diagnostic):
                self.problems([diagnostic])
            case Locked(server):
                self.interrupts.lock = clean(server)
                self.has_locked = self.has_locked or bool(server)
            case Planned() | Executed() | Verified() | Finished() | Abandoned():
                pass  # commands that can be asked for them print them
            case _ if self.stream is not None:
                self.stream.hear(notice)

    def progress(self, text: str) -> None:
        """Print complete lines of progress, and flush them."""
        if not self.quiet:
            self._say(text)
            self._flush_messages()

    def _flush_messages(self) -> None:
        with silent(self.err):
            self.err.flush()

    def record_into(self, file: TextIO) -> None:
        """Also write events to `file` as JSON lines from now on."""

        from reconciler.render.stream import Stream

        self.stream = Stream(file, timing.utc_now)

    def end_record(self, code: int) -> None:
        """Write the last event, the exit code of the command."""
        if self.stream is not None:
            self.stream.put("end", {"exit_code": code})
            self.stream.close()
            if self.stream.trouble is not None:
                self.report(f"Not all events could be written to --json-into: {self.stream.trouble.strerror}.")
            self.stream = None

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write an event for programs (`--json-into`)."""
        if self.stream is not None:
            self.stream.put(kind, data)

    def flush(self) -> None:
        """Raises OSError if the result could not be printed."""
        self._flush_messages()
        with self.deferring(), naming(STANDARD_OUTPUT):
            self.out.flush()
        if self.lost is not None:
            raise self.lost

    @property
    def out_style(self) -> Style:
        from reconciler.render.style import style_of

        style = style_of(self.out, self.colour, self.environment)
        return replace(style, detail=self.detail_level, folder=self.world.folder)

    @property
    def err_style(self) -> Style:
        from reconciler.render.style import style_of

        return replace(style_of(self.err, self.colour, self.environment), folder=self.world.folder)

    @property
    def in_ci(self) -> bool:
        return self.environment.get("CI", "").strip().lower() not in ("", "0", "false", "no", "off")

    @property
    def can_ask(self) -> bool:
        """Whether there is a user who can answer a question."""
        return self.into.isatty() and self.err.isatty() and not self.in_ci and not self.machine

    @property
    def can_draw(self) -> bool:
        """Whether standard error is a terminal on which lines can be redrawn."""
        dumb = self.environment.get("TERM") == "dumb"
        return self.err.isatty() and not self.in_ci and not self.quiet and not dumb

    def ask(self, question: str) -> bool:
        """Ask a question. Only `yes` means yes; the end of the input means no."""
        with self.held():
            self._say(f"\n{question}\nOnly 'yes' will be accepted: ")
            self._flush_messages()
            return self.into.readline().strip() == "yes"


def _write(stream: TextIO, text: str) -> None:
    """Write, with a question mark for each character that the stream's encoding lacks."""
    try:
        with naming(STANDARD_OUTPUT):
            stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
