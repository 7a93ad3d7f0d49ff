"""Carrying out a plan in front of somebody: progress while it runs, results and mails at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.world import World

if TYPE_CHECKING:
    from reconciler.apply import Limits, Result
    from reconciler.model.event import Event, Listener
    from reconciler.model.live import Live
    from reconciler.model.plan import Plan
    from reconciler.render.progress import Driver


def perform(console: Console, world: World, live: Live, plan: Plan, remember: Listener | None = None) -> Result:
    """Apply `plan` with progress on standard error. `remember` hears every event first."""
    from reconciler.apply import apply

    driver = _driver(console, len(plan.changes))
    hear: Callable[[Event], None] = driver
    if remember is not None:
        first = remember

        def hear(event: Event) -> None:
            first(event)
            driver(event)

    with driver:
        return apply(plan, world.site(live), listen=hear, parallel=world.parallel, limits=_limits(world, live, plan))


def _limits(world: World, live: Live, plan: Plan) -> Limits:
    """Organizations keep their working proxies while this runs, unless somebody waived just that."""
    from reconciler.apply import Limits
    from reconciler.plan.batches import coverage_of

    waived = any(refusal.code == "coverage" and refusal.waiver for refusal in plan.refusals)
    return Limits(coverage=None if waived else coverage_of(world.inventory, live))


def _driver(console: Console, total: int) -> Driver:
    if console.can_draw:
        from reconciler.render.live import Screen

        return Screen(console.err, console.err_style, total)
    from reconciler.render.progress import Lines

    return Lines(console.progress, console.err_style, total)


def show_results(console: Console, result: Result, mails: Sequence[Mapping[str, Any]]) -> None:
    from reconciler.render.results import mails_text, results_text

    style = console.out_style
    console.result("\n" + results_text(result.outcomes.values(), style))
    if mails:
        console.result("\n" + mails_text(mails, style))


def exit_of(result: Result) -> int:
    if result.interrupted:
        return exits.INTERRUPTED
    return exits.PARTIAL if result.failed else exits.OK


Mails = Sequence[Mapping[str, Any]]


def mails_of(world: World) -> Mails:
    """Mails that the lab's mail server keeps; outside of the lab nobody can see them."""
    return [] if world.lab is None else list(world.lab.mails())


def new_mails(before: Mails, after: Mails) -> Mails:
    """What came since `before`. The mail server forgets the oldest ones, so counting is not enough."""
    for forgotten in range(len(before) + 1):
        kept = len(before) - forgotten
        if before[forgotten:] == after[:kept]:
            return after[kept:]
    return after
