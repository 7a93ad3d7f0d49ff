"""`drift`: where the live world is not as declared, without what is known. Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import (
    PATH,
    REVIEWS,
    Output,
    choice_options,
    detail_option,
    format_option,
    inventory_argument,
    lab_option,
    parallelism_option,
    stream_option,
)
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.request import PlanRequest, Selection


@click.command(cls=Command)
@inventory_argument
@lab_option
@choice_options
@click.option("--known", type=PATH, metavar="FILE", help="Drift that is accepted for a while; see: schema known-drift.")
@format_option(*REVIEWS)
@detail_option
@stream_option
@parallelism_option
@talk_options
@pass_console
def drift(
    console: Console,
    path: Path,
    selection: Selection,
    outputs: Sequence[Output],
    *,
    lab: bool,
    known: Path | None,
    parallelism: int,
) -> int:
    """Show where the live world is not as the inventory at PATH declares it. Never writes.

    Exits with 2 where something differs that is not known, or no longer: an entry of --known counts until its last
    day. Exits with 1 where not everything could be looked at.
    """
    from reconciler.cli.reviewing import document_of, show
    from reconciler.inventory.known import load_known
    from reconciler.operations.session import open_session
    from reconciler.plan.document import DRIFT
    from reconciler.plan.drift import drift_of, with_severity

    accepted = load_known(known) if known else []
    inventory = load_inventory(path, console.runtime, lab=lab)
    with open_session(inventory, console.runtime, lab=lab, parallel=parallelism) as world:
        plan = world.plan(PlanRequest(selection=selection)).plan
        today = world.clock().date()
    found = drift_of(plan, accepted, today)
    show(console, with_severity(document_of(console, found, inventory, mode=DRIFT)), outputs)
    if found.has_errors:
        return exits.ERROR
    return exits.OK if found.is_empty else exits.PENDING
