"""`plan`: show what differs, and why. Holds no writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    format_option,
    inventory_argument,
    lab_option,
    no_run_option,
    parallelism_option,
    stream_option,
    waiver_option,
)
from reconciler.cli.quoting import shell_line
from reconciler.cli.rollout_options import batch_option
from reconciler.operations.request import Selection
from reconciler.operations.status import Status
from reconciler.render import FORMATS

if TYPE_CHECKING:
    from reconciler.operations import Preview


@click.command(cls=Command)
@inventory_argument
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
@verbosity_options
@pass_console
def plan(
    console: Console,
    /,
    path: Path,
    outputs: Sequence[Output],
    *,
    detailed_exitcode: bool,
    save_to: Path | None,
    waivers: Mapping[str, str],
    selection: Selection,
    **more: Any,
) -> int:
    """Show what would change in the live state, and why.

    Reads the server and the hosts that the inventory at PATH names, and writes nothing. Exits with 1 if a change is
    blocked or something could not be observed, else with 0 unless --detailed-exitcode is given.

    With --lab, --base rehearses: the lab is reset, the inventory as it was at REF (or the one at the path REF) is
    applied to it, and the plan is made against that.
    """
    from reconciler.cli.plan_output import show_plan
    from reconciler.operations import PlanOptions
    from reconciler.operations import plan as preview

    options = PlanOptions(save_to=save_to, waivers=waivers, selection=selection, **more)
    made = preview(path, options, console.runtime)
    show_plan(console, made.document, outputs)
    if save_to is not None:
        _report_saved(console, made, save_to)
    elif made.plan.can_apply and not (made.plan.is_refused or console.machine or console.in_ci):
        console.report("\nTo apply it:\n  vbo-reconcile apply PATH")
    return made.status if detailed_exitcode or made.status is Status.ERROR else Status.OK


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
