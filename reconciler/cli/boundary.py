"""The one place where exceptions become messages and exit codes. Never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import click
from click.exceptions import Exit, NoArgsIsHelpError

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.displays import abandon
from reconciler.cli.interrupts import Interrupts
from reconciler.journal import JournalError
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.errors import ReconcileError, RemoteError, SecretError
from reconciler.operations.status import Status, error_status
from reconciler.user_folders import is_windows

COMPLETE = "_VBO_RECONCILE_COMPLETE"
"""The variable by which a shell asks for completions."""


def run(arguments: Sequence[str], console: Console | None = None) -> int:
    """Run a command line (without the program's name) and give its exit code. Never raises."""
    console = console or Console(colour=_usual_colour())
    console.interrupts.late = lambda: _say_late(console)
    with console.interrupts as interrupts, _Boundary(console, interrupts, arguments) as boundary:
        boundary.code = _call(arguments, console, interrupts)
        console.flush()
    console.end_record(boundary.code)
    return boundary.code


def _usual_colour() -> str:
    if not is_windows():
        return "auto"
    from reconciler.cli.windows_console import enable_colours

    return "auto" if enable_colours() else "never"


def _say_late(console: Console) -> None:
    lock = console.interrupts.lock
    kept = f" The lock of {lock} is not released; it expires within a minute." if lock else ""
    console.report(f"\nInterrupted.{kept}")
    console.flush()


def _call(arguments: Sequence[str], console: Console, interrupts: Interrupts) -> int:
    from reconciler.cli.root import root

    if instruction := console.environment.get(COMPLETE):
        from reconciler.cli.completions import answer

        return answer(root, COMPLETE, instruction)
    with root.make_context("vbo-reconcile", list(arguments), obj=console) as context:
        code = root.invoke(context)
    if code == Status.INTERRUPTED:
        return interrupts.code
    return int(code) if isinstance(code, int) else Status.OK


class _Boundary:
    """Catches every exception and sets its exit code."""

    def __init__(self, console: Console, interrupts: Interrupts, arguments: Sequence[str]) -> None:
        self.code: int = Status.OK
        self._arguments = arguments
        self._console = console
        self._interrupts = interrupts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self._console.settle()
            return True
        done = self.code if self._console.working else Status.OK  # worse than a result that was not printed
        try:
            self.code = done or self._take(error)
            self._console.settle()
            self._console.flush()
        except OSError:
            abandon(self._console.out)
            self.code = self.code or exits.BROKEN_PIPE
        return True

    def _take(self, error: BaseException) -> int:
        match error:
            case Exit():
                return error.exit_code
            case NoArgsIsHelpError():
                self._console.announce(f"{error.format_message()}\n")  # help is laid out, and its commands are examples
                return exits.USAGE
            case SystemExit():
                return error.code if isinstance(error.code, int) else Status.ERROR
            case BrokenPipeError():
                abandon(self._console.out)
                return exits.BROKEN_PIPE
            case KeyboardInterrupt() | click.Abort():
                self._interrupts.ended()
                unchanged = self._console.has_locked and not self._console.working
                self._console.report("\nInterrupted." + " Nothing was changed." * unchanged)
                return self._interrupts.code
            case _:
                diagnostics, code = _explain(error, self._console, self._arguments)
                self._console.fail(diagnostics)
                return code


def _explain(error: BaseException, console: Console, arguments: Sequence[str]) -> tuple[Sequence[Diagnostic], int]:
    """The diagnostics of an exception, and its exit code."""
    match error:
        case click.UsageError():
            from reconciler.cli.usage import usage_diagnostic

            return [usage_diagnostic(error, arguments)], exits.USAGE
        case click.ClickException():
            return [Diagnostic("command", "The command cannot continue", error.format_message())], Status.ERROR
        case _:
            return error_diagnostics(error, console.environment), error_status(error)


def error_diagnostics(error: BaseException, environment: Mapping[str, str]) -> Sequence[Diagnostic]:
    """The diagnostics of what an operation raised."""
    match error:
        case Diagnosed():
            return error.diagnostics
        case RemoteError():
            return [Diagnostic(error.code, error.summary, str(error), error.hint)]
        case JournalError():
            return [journal_diagnostic(error)]
        case SecretError():
            return [Diagnostic("unresolved-secret", "Secret cannot be resolved", str(error), error.hint)]
        case ReconcileError():
            return [Diagnostic("cannot", "The command cannot continue", str(error))]
        case OSError() if error.errno is not None:  # without a number it does not come from the operating system
            return [_system(error)]
        case _:
            from reconciler.cli.crash import crash_diagnostic

            return [crash_diagnostic(error, environment)]


_JOURNAL = {
    "lock-held": "The lock is held by another run",
    "lease-lost": "The lock is lost",
    "not-in-journal": "Not in the journal",
}


def journal_diagnostic(error: JournalError) -> Diagnostic:
    return Diagnostic(error.code, _JOURNAL.get(error.code, "The journal cannot be used"), str(error), error.hint)


def _system(error: OSError) -> Diagnostic:
    name = error.filename if isinstance(error.filename, str) else ""
    reason = error.strerror or str(error) or type(error).__name__
    return Diagnostic("system", "The operating system refused", f"{name}: {reason}" if name else reason)
