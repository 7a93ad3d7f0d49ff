"""`plan`: what differs, and why. Holds no writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.files import Finite, Saving
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import (
    REVIEWS,
    Output,
    base_option,
    choice_options,
    detail_option,
    format_option,
    inventory_argument,
    lab_option,
    parallelism_option,
    stream_option,
    waiver_option,
)
from reconciler.cli.pace import batch_option
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.request import PlanRequest, Selection

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.plan import Plan


@click.command(cls=Command)
@inventory_argument
@lab_option
@base_option
@choice_options
@click.option("--out", "file", type=Saving(), metavar="FILE", help="Save the plan, to be applied as it is: apply FILE.")
@click.option(
    "--expires", "hours", type=Finite(min=0, min_open=True, max=8784), default=24, show_default=True,
    metavar="HOURS", help="How long the saved plan may be applied.",
)  # fmt: skip
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending, 4 where a guard refuses."
)
@click.option("--require-complete", is_flag=True, help="Refuse a plan with anything in it that could not be observed.")
@batch_option
@waiver_option
@format_option(*REVIEWS)
@detail_option
@stream_option
@parallelism_option
@talk_options
@pass_console
def plan(
    console: Console,
    path: Path,
    selection: Selection,
    outputs: Sequence[Output],
    waivers: Mapping[str, str],
    *,
    lab: bool,
    base: str | None,
    file: Path | None,
    hours: float,
    detailed_exitcode: bool,
    require_complete: bool,
    batch: str,
    parallelism: int,
) -> int:
    """Show what would change in the live world, and why.

    Reads the server and the hosts that the inventory at PATH names, and writes nothing: not even a writer exists.

    With --lab, --base rehearses: the lab is built anew as the inventory was at REF (or as the one in the file REF
    is), and then the plan is made against that.
    """
    from reconciler.cli.rehearsal import rehearse
    from reconciler.cli.reviewing import document_of, show
    from reconciler.cli.saving import save
    from reconciler.operations.session import open_session

    inventory = load_inventory(path, console.runtime, lab=lab)
    if lab and base:
        base = rehearse(console, inventory, base, parallel=parallelism)
    with open_session(inventory, console.runtime, lab=lab, parallel=parallelism) as world:
        sight = world.plan(
            PlanRequest(waivers=waivers, require_complete=require_complete, selection=selection, batch=batch)
        )
    document = document_of(console, sight.plan, inventory, base=base)
    if file is not None:
        save(console, sight.plan, inventory, document, file, hours=hours)
    show(console, document, outputs)
    return exit_of(sight.plan, detailed=detailed_exitcode)


def show_plan(console: Console, made: Plan, inventory: Inventory, outputs: Sequence[Output]) -> None:
    from reconciler.cli.reviewing import document_of, show

    show(console, document_of(console, made, inventory), outputs)


def exit_of(made: Plan, *, detailed: bool) -> int:
    """The exit code of a preview: an error first, then (where asked for) refused, then pending."""
    if made.has_errors:
        return exits.ERROR
    if detailed and made.is_refused:
        return exits.REFUSED
    return exits.PENDING if detailed and not made.is_empty else exits.OK
