"""Showing a run while it goes on, and its results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, cast

from reconciler.cli.console import Console
from reconciler.cli.displays import SilentStream

if TYPE_CHECKING:
    from reconciler.journal import JournalError
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.model.event import Listener
    from reconciler.model.plan import Plan
    from reconciler.operations import Execution, StopSignal
    from reconciler.render.progress import Driver


@contextmanager
def progress(console: Console, plan: Plan, stop: StopSignal) -> Iterator[Listener]:
    """Progress on standard error. The first interrupt starts no other change, the second one abandons those that are
    in progress."""
    console.working = True
    driver = _driver(console, len(plan.changes))
    with console.held(), driver, console.interrupts.redirected(stop.request):
        yield driver


def _driver(console: Console, total: int) -> Driver:
    if console.can_draw:
        from reconciler.render.live import Screen

        return Screen(cast("TextIO", SilentStream(console.err)), console.err_style, total)
    from reconciler.render.progress import Lines

    return Lines(console.progress, console.err_style, total)


def show_results(console: Console, done: Execution) -> None:
    """How every change ended, and mails."""
    from reconciler.cli.plan_output import add_to_summary
    from reconciler.render.markdown.results import results_markdown
    from reconciler.render.results import in_flight_text, mails_text, results_text, unhealthy_text

    result = done.result
    ends = result.outcomes.values()
    add_to_summary(console, lambda: results_markdown(ends))
    if console.machine:
        return
    style = console.out_style
    console.result("\n" + results_text(ends, style, len(result.in_flight)) + in_flight_text(result.in_flight, style))
    if result.unhealthy:
        console.result("\n" + unhealthy_text(result.unhealthy, style))
    if done.mails:
        console.result("\n" + mails_text(done.mails, style))


def show_errors(console: Console, errors: list[JournalError]) -> list[Diagnostic]:
    """What stopped the run, and what the journal could not take."""
    from reconciler.cli.boundary import journal_diagnostic

    found = [journal_diagnostic(error) for error in errors]
    if found:
        console.problems(found)
    return found


def leave(console: Console) -> None:
    """End the process without waiting for the threads that still work."""
    with suppress(OSError):
        console.flush()
    console.interrupts.leave()
