"""`drift`: show where the live state is not as declared, except for known drift. Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    Output,
    detail_option,
    format_option,
    inventory_argument,
    lab_option,
    parallelism_option,
    selection_options,
    stream_option,
)
from reconciler.operations.request import Selection
from reconciler.render import FORMATS


@click.command(cls=Command)
@inventory_argument
@lab_option
@selection_options
@click.option(
    "--known", type=PATH, metavar="FILE", help="Accept the drift in FILE until it expires; see: schema known-drift."
)
@format_option(*FORMATS)
@detail_option
@stream_option
@parallelism_option
@verbosity_options
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
    """Show where the live state is not as the inventory at PATH declares. Writes nothing.

    Exits with 2 if anything differs that is not known drift. An entry of --known is valid until the end of its last
    day. Exits with 1 if not everything could be observed.
    """
    from reconciler.cli.plan_output import show_plan
    from reconciler.operations import DriftOptions
    from reconciler.operations import drift as find_drift

    options = DriftOptions(lab=lab, selection=selection, known=known, parallelism=parallelism)
    found = find_drift(path, options, console.runtime)
    show_plan(console, found.document, outputs)
    if found.plan.can_apply and not (console.machine or console.in_ci):
        console.report("\nTo see what an apply would change:\n  vbo-reconcile plan PATH")
    return found.status
