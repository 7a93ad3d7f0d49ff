"""`apply`: show the plan, ask, and show what is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    Output,
    adoption_options,
    deliver_json,
    detail_option,
    executor_option,
    format_option,
    inventory_argument,
    lab_option,
    lock_wait_option,
    no_run_option,
    notify_option,
    parallelism_option,
    server_option,
    stream_option,
    waiver_option,
)
from reconciler.cli.rollout_options import batch_option, rollout_options, server_batch_option
from reconciler.model.diagnostic import Diagnostic
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.model.event import Event
    from reconciler.operations import ApplyResult, PlanResult
    from reconciler.operations.apply_run import Approve
    from reconciler.operations.events import Notice


@click.command(cls=Command)
@inventory_argument
@server_option
@server_batch_option
@lab_option
@adoption_options
@no_run_option
@click.option(
    "--inventory", type=PATH, metavar="PATH", show_default="where the plan recorded it",
    help="Apply a saved plan with the inventory at PATH.",
)  # fmt: skip
@click.option(
    "--require-signature", type=PATH, metavar="ALLOWED_SIGNERS",
    help="Refuse a saved plan that none of these signed (ssh-keygen's file of allowed signers).",
)  # fmt: skip
@click.option(
    "--resume", metavar="RUN", shell_complete=completions.runs,
    help="Resume a run that did not finish (`last` for the latest).",
)  # fmt: skip
@click.option("--auto-approve", is_flag=True, help="Apply without asking.")
@click.option("--require-complete", is_flag=True, help="Refuse a plan with anything that could not be observed.")
@batch_option
@rollout_options
@waiver_option
@lock_wait_option
@notify_option
@format_option("human", "json", screen_only=["human"])
@detail_option
@stream_option
@parallelism_option
@executor_option
@verbosity_options
@pass_console
def apply(
    console: Console,
    /,
    path: Path,
    outputs: Sequence[Output],
    *,
    servers: Sequence[str],
    server_batch: str,
    auto_approve: bool,
    **more: Any,
) -> int:
    """Make the live state as the inventory at PATH declares, or carry out the saved plan at PATH.

    Shows the plan and asks, unless --auto-approve is given; without a terminal it refuses. Then it makes the changes,
    starts the jobs concerned, follows them to their results, and verifies that no differences remain. If a host is
    online and the server reports its proxy offline, apply first asks whether to rescan the proxy.

    A saved plan was approved when it was reviewed, so apply does not ask. It compares the plan with the live state,
    makes the changes that still fit, and refuses the others (exit code 5). Changes that are not in the file are not
    made. The same holds for --resume and the plan of that run. Everything else comes from the inventory, which must be
    the one that the plan was made of, and from this command line: waivers in the file hold only if it is signed.

    If PATH is a fleet, all its inventories are applied, side by side: the plans are shown, approved at once, and
    applied. With --server-batch that is done for one batch of servers after the other, until one fails.
    """
    from reconciler.cli.fleet_apply import apply_fleet
    from reconciler.operations import ApprovalRequired
    from reconciler.render.style import clean

    def ask(_: PlanResult) -> bool:
        return auto_approve or console.ask("Apply these changes?")

    def ask_to_rescan(proxies: Sequence[str]) -> bool:
        named = f"{', '.join(map(clean, proxies))}: the host answers, and the server does not agree with it."
        return auto_approve or console.ask(f"{named}\nLet the server rescan, before the plan is made?")

    try:
        status = apply_fleet(
            console, path, outputs, servers, _apply, server_batch=server_batch, auto_approve=auto_approve, **more
        )
        if status is not None:
            return status
        approve = ask if auto_approve or console.can_ask else None
        return _apply(console, path, outputs, approve=approve, rescan=ask_to_rescan, **more).status
    except ApprovalRequired:
        console.fail([_NOBODY_TO_ASK])
        return Status.REFUSED


def _apply(
    console: Console,
    path: Path,
    outputs: Sequence[Output],
    *,
    approve: Approve | None,
    rescan: Callable[[Sequence[str]], bool],
    **more: Any,
) -> ApplyResult:
    """Apply one inventory or saved plan."""
    from reconciler.operations import ApplyOptions
    from reconciler.operations import apply as carry_out

    runtime = replace(console.runtime, listen=console.deferred(partial(_show, console, outputs)))
    return carry_out(path, ApplyOptions(**more), runtime, approve=approve, rescan=rescan)


_NOBODY_TO_ASK = Diagnostic(
    code="approval",
    summary="Approval is required",
    detail="`apply` asks before it changes anything, and this is not a terminal.",
    fix="Review the plan first, then approve it:\n  vbo-reconcile apply PATH --auto-approve",
)


def _show(console: Console, outputs: Sequence[Output], event: Notice | Event) -> None:
    """Print what happens, in the order in which it does."""
    from reconciler.cli.run_output import leave, show_results
    from reconciler.operations import ApplyResult
    from reconciler.operations.events import Abandoned, Executed, Finished, Planned, Verified

    match event:
        case Planned(planned, document):
            _show_plan(console, document)
            if planned.checked and not console.machine:
                from reconciler.render.recheck import recheck_text

                console.result(recheck_text(planned.checked, console.out_style))
        case Executed(done):
            show_results(console, done)
        case Verified(after, remaining):
            _show_verification(console, after, remaining)
        case Finished(ApplyResult() as result):
            _finish(console, outputs, result)
        case Abandoned():
            leave(console)
        case _:
            console.hear(event)


def _show_plan(console: Console, document: Mapping[str, Any]) -> None:
    from reconciler.cli.plan_output import show_plan

    show_plan(console, document, [] if console.machine else [Output("human")])


def _show_verification(console: Console, after: PlanResult, remaining: Mapping[str, Any] | None) -> None:
    from reconciler.render.results import asleep_text

    if console.machine:
        return
    where = " (in the lab)" if after.plan.lab else ""
    if remaining is None:
        console.result(f"\nVerified{where}: {_nothing_left(after)}.\n{asleep_text(after.plan.reports)}")
        return
    if any(change.action.value != "run" for change in after.plan.changes):
        console.result(f"\nVerified{where}: these differences remain.\n\n")
    else:
        console.result(f"\nNot verified{where}: no difference was found, but not everything could be read.\n\n")
    _show_plan(console, remaining)


def _nothing_left(after: PlanResult) -> str:
    """No difference remains in the selection; what it leaves out is counted."""
    keys = [*after.plan.not_selected, *after.plan.not_approved]
    left, hidden = sum(not key.startswith("run:") for key in keys), len(after.plan.unknown)
    text = "no differences remain"
    if left:
        others = "1 other change was" if left == 1 else f"{left} other changes were"
        text += f" in what was selected; {others} not"
    fields = "field is" if hidden == 1 else "fields are"
    return f"{text}; {hidden} {fields} not observable" if hidden else text


def _finish(console: Console, outputs: Sequence[Output], result: ApplyResult) -> None:
    """Print errors of the journal, and write what programs read."""
    from reconciler.cli.run_output import show_errors
    from reconciler.plan.document import diagnostic_to_json

    done = result.execution
    found = show_errors(console, done.errors) if done else []
    if done and result.run:
        again = f"\nTo resume it:\n  vbo-reconcile apply PATH --resume {result.run}" if not done.is_complete else ""
        console.report(f"{again}\nEvery step of this run:\n  vbo-reconcile runs show {result.run}")
    data = _result_json(result)
    data["diagnostics"] = [diagnostic_to_json(item) for item in found]
    deliver_json(console, outputs, data)


def _result_json(result: ApplyResult) -> dict[str, Any]:
    """The key `diagnostics` is for the caller to fill."""
    from reconciler.plan import plan_to_json
    from reconciler.render.recheck import recheck_json
    from reconciler.render.results import results_json

    planned, done, after = result.planned, result.execution, result.after
    return {
        "plan": plan_to_json(planned.plan),
        "run": result.run if done else None,
        "outcomes": results_json(done.result.outcomes.values()) if done else [],
        "in_flight": dict(done.result.in_flight) if done else {},
        "unhealthy": dict(done.result.unhealthy) if done else {},
        "mails": [dict(mail) for mail in done.mails] if done else [],
        "after": plan_to_json(after.plan) if after else None,
        "diagnostics": [],
        "recheck": recheck_json(planned.checked) if planned.checked else None,
        "exit_code": int(result.status),
    }
