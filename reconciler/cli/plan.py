"""`plan`: show what differs, and why. Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.files import Finite, Saving
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    Output,
    adoption_options,
    base_option,
    detail_option,
    executor_option,
    format_option,
    inventory_argument,
    lab_option,
    no_run_option,
    parallelism_option,
    server_option,
    stream_option,
    waiver_option,
)
from reconciler.cli.rollout_options import batch_option
from reconciler.operations.status import Status
from reconciler.quoting import shell_line
from reconciler.render import FORMATS

if TYPE_CHECKING:
    from reconciler.operations import Preview
    from reconciler.operations.fleet import Member


@click.command(cls=Command)
@inventory_argument
@server_option
@lab_option
@base_option
@adoption_options
@no_run_option
@click.option(
    "--out", "save_to", type=Saving(), metavar="FILE", help="Save the plan; `apply FILE` applies exactly that plan."
)
@click.option(
    "--sign", type=PATH, metavar="KEYFILE", help="Sign the saved plan with this SSH key, into FILE.sig (ssh-keygen -Y)."
)
@click.option(
    "--expires", "expires_after", type=Finite(min=0, min_open=True, max=8784), default=24, show_default=True,
    metavar="HOURS", help="Let the saved plan expire after HOURS.",
)  # fmt: skip
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 if changes are pending, with 4 if a guard refuses them."
)
@click.option("--require-complete", is_flag=True, help="Refuse a plan with anything that could not be observed.")
@batch_option
@waiver_option
@format_option(*FORMATS)
@detail_option
@stream_option
@parallelism_option
@executor_option
@verbosity_options
@pass_console
def plan(
    console: Console,
    /,
    path: Path,
    outputs: Sequence[Output],
    *,
    servers: Sequence[str],
    detailed_exitcode: bool,
    **more: Any,
) -> int:
    """Show what would change in the live state, and why.

    Reads the server and the hosts that the inventory at PATH names, and writes nothing. Exits with 1 if a change is
    blocked or something could not be observed, else with 0 unless --detailed-exitcode is given.

    With --lab, --base rehearses: the lab is reset, the inventory as it was at REF (or the one at the path REF) is
    applied to it, and the plan is made against that.

    If PATH is a fleet, all its inventories are planned, side by side, and the worst decides the exit code. --out FILE
    then saves a plan for each: FILE `plan.json` stands for `plan-NAME.json`.
    """
    from reconciler.cli.fleet_path import fleet_at

    fleet = fleet_at(path, servers)
    if fleet is None:
        status = _plan(console, path, outputs, **more).status
    else:
        from reconciler.cli.fleet import FleetRun, given_options

        run = FleetRun(console, fleet, outputs, _summary, given_options())
        status = run.carry_out(
            servers,
            lambda block, member, asked: _plan(
                block, member.path, asked, **{**more, **run.settings(member, **more), **_own_file(member, **more)}
            ),
        )
        if status is Status.PENDING and not (console.machine or console.in_ci):
            console.report("\nTo apply them:\n  vbo-reconcile apply PATH")
    return status if detailed_exitcode or status is Status.ERROR else Status.OK


def _own_file(member: Member, *, save_to: Path | None, **_: Any) -> dict[str, Path | None]:
    """The file for the plan of one inventory of a fleet."""
    return {"save_to": save_to.with_name(f"{save_to.stem}-{member.name}{save_to.suffix}") if save_to else None}


def _summary(made: Preview) -> str:
    from reconciler.render.summary import verdict

    return verdict(made.document)


def _plan(console: Console, path: Path, outputs: Sequence[Output], *, save_to: Path | None, **more: Any) -> Preview:
    """The plan of one inventory."""
    from reconciler.cli.plan_output import show_plan
    from reconciler.operations import PlanOptions
    from reconciler.operations import plan as preview

    made = preview(path, PlanOptions(save_to=save_to, **more), console.runtime)
    show_plan(console, made.document, outputs)
    if save_to is not None:
        _report_saved(console, made, save_to)
    elif made.plan.can_apply and not (made.plan.is_refused or console.machine or console.in_ci):
        console.report("\nTo apply it:\n  vbo-reconcile apply PATH")
    return made


def _report_saved(console: Console, made: Preview, file: Path) -> None:
    until = f"until {made.expires:%Y-%m-%d %H:%M} UTC"
    if made.plan.is_empty:
        console.report(f"\nSaved to {file}; it has nothing to apply.")
    elif console.in_ci:
        console.report(f"\nSaved to {file}; it can be applied {until}.")
    else:
        where = "" if made.is_found else " --inventory PATH"
        console.report(
            f"\nSaved to {file}. To apply exactly this plan, {until}:\n"
            f"  vbo-reconcile apply {shell_line([str(file)])}{where}"
        )
