"""Carrying out a plan in front of somebody: progress while it runs, results and mails at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.pace import PACE, Pace
from reconciler.operations.session import Session

if TYPE_CHECKING:
    from reconciler.apply import Limits, Result
    from reconciler.cli.turn import LockedRun
    from reconciler.journal import JournalError, Run
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.model.event import Event
    from reconciler.model.live import Live
    from reconciler.model.plan import Plan
    from reconciler.render.progress import Driver


def perform(
    console: Console,
    world: Session,
    live: Live,
    plan: Plan,
    run: Run,
    remember: Callable[[Event], None] | None = None,
    *,
    pace: Pace = PACE,
) -> Result:
    """Apply `plan` with progress on standard error. The journal hears every event first, then `remember`.

    The first interrupt lets what is under way end, the second one leaves it.
    """
    from reconciler.apply import Gate, StopSignal, apply

    bell = StopSignal()
    driver = _driver(console, len(plan.changes))
    streams = [console.stream.hear] if console.stream else []
    hearers: list[Callable[[Event], None]] = [run.listener, *([remember] if remember else []), *streams, driver]

    def hear(event: Event) -> None:
        for hearer in hearers:
            hearer(event)

    with driver, console.interrupts.told(bell.ring):
        site, limits = world.apply_context(live), _limits(world, live, plan, pace)
        with closing(site.sessions):
            return apply(plan, site, listen=hear, parallel=world.parallel, limits=limits, bell=bell, look=Gate(site))


def _limits(world: Session, live: Live, plan: Plan, pace: Pace) -> Limits:
    """Organizations keep their working proxies while this runs, unless somebody waived just that."""
    from reconciler.apply import ConcurrencyLimits, Limits
    from reconciler.plan.coverage import coverage_of

    waived = any(refusal.code == "coverage" and refusal.waiver for refusal in plan.refusals)
    coverage = coverage_of(world.inventory, live, plan.changes)
    return Limits(
        max_failures=pace.max_failures,
        coverage=replace(coverage, needed=0) if waived else coverage,  # a pool is never taken whole
        lanes=ConcurrencyLimits(
            pace.lanes, {name: found.transport.value for name, found in world.access.connections.items()}
        ),
    )


def _driver(console: Console, total: int) -> Driver:
    if console.can_draw:
        from reconciler.render.live import Screen

        return Screen(console.err, console.err_style, total)
    from reconciler.render.progress import Lines

    return Lines(console.progress, console.err_style, total)


def show_results(console: Console, result: Result, mails: Sequence[Mapping[str, Any]]) -> None:
    from reconciler.cli.reviewing import add_to_page
    from reconciler.render.markdown.results import results_markdown
    from reconciler.render.results import in_flight_text, mails_text, results_text, unwell_text

    ends = result.outcomes.values()
    add_to_page(console, lambda: results_markdown(ends))
    if console.machine:
        return
    style = console.out_style
    console.result("\n" + results_text(ends, style) + in_flight_text(result.in_flight, style))
    if result.unhealthy:
        console.result("\n" + unwell_text(result.unhealthy, style))
    if mails:
        console.result("\n" + mails_text(mails, style))


def tell_errors(console: Console, *errors: JournalError | None) -> list[Diagnostic]:
    """Say what stopped the run, and what of it the journal could not take; each of them once."""
    from reconciler.cli.boundary import journal_diagnostic

    found = list(dict.fromkeys(journal_diagnostic(error) for error in errors if error is not None))
    if found:
        console.problems(found)
    return found


def exit_of(result: Result, trouble: JournalError | None = None) -> int:
    """Interrupted before all else, then what stopped the run or the journal, then whether anything failed."""
    from reconciler.cli.boundary import journal_exit

    if result.interrupted:
        return exits.INTERRUPTED
    error = result.error or trouble
    if error is not None:
        return journal_exit(error)
    return exits.PARTIAL if result.failed else exits.OK


def leave_if_asked(console: Console, turn: LockedRun, result: Result) -> None:
    """After a second interrupt nobody waits for what is in flight: give the lock back and end the process."""
    from reconciler.journal import JournalError

    if result.abandoned:
        with suppress(JournalError):
            turn.lock.release()
        console.flush()
        console.interrupts.leave()


Mails = Sequence[Mapping[str, Any]]


def mails_of(world: Session) -> Mails:
    """Mails that the lab's mail server keeps; outside of the lab nobody can see them."""
    return [] if world.lab is None else list(world.lab.mails())


def new_mails(before: Mails, after: Mails) -> Mails:
    """What came since `before`. The mail server forgets the oldest ones, so counting is not enough."""
    for forgotten in range(len(before) + 1):
        kept = len(before) - forgotten
        if before[forgotten:] == after[:kept]:
            return after[kept:]
    return after
