"""`drift`: show where the live state is not as declared, except for known drift. Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    Output,
    detail_option,
    executor_option,
    format_option,
    inventory_argument,
    lab_option,
    parallelism_option,
    selection_options,
    server_option,
    stream_option,
)
from reconciler.render import FORMATS

if TYPE_CHECKING:
    from reconciler.operations import Preview


@click.command(cls=Command)
@inventory_argument
@server_option
@lab_option
@selection_options
@click.option(
    "--known", type=PATH, metavar="FILE", help="Accept the drift in FILE until it expires; see: schema known-drift."
)
@format_option(*FORMATS)
@detail_option
@stream_option
@parallelism_option
@executor_option
@verbosity_options
@pass_console
def drift(
    console: Console,
    /,
    path: Path,
    outputs: Sequence[Output],
    *,
    servers: Sequence[str],
    **more: Any,
) -> int:
    """Show where the live state is not as the inventory at PATH declares. Writes nothing.

    Exits with 2 if anything differs that is not known drift. An entry of --known is valid until the end of its last
    day. Exits with 1 if not everything could be observed.

    If PATH is a fleet, all its inventories are compared, side by side, and the worst decides the exit code.
    """
    from reconciler.cli.fleet_path import fleet_at

    fleet = fleet_at(path, servers)
    if fleet is None:
        return _drift(console, path, outputs, **more).status
    from reconciler.cli.fleet import FleetRun, given_options

    run = FleetRun(console, fleet, outputs, _summary, given_options())
    return run.carry_out(
        servers,
        lambda block, member, asked: _drift(block, member.path, asked, **{**more, **run.settings(member, **more)}),
    )


def _summary(found: Preview) -> str:
    from reconciler.render.summary import verdict

    return verdict(found.document)


def _drift(console: Console, path: Path, outputs: Sequence[Output], **more: Any) -> Preview:
    """The drift of one inventory."""
    from reconciler.cli.plan_output import show_plan
    from reconciler.operations import DriftOptions
    from reconciler.operations import drift as find_drift

    found = find_drift(path, DriftOptions(**more), console.runtime)
    show_plan(console, found.document, outputs)
    if found.plan.can_apply and not (console.machine or console.in_ci):
        console.report("\nTo see what an apply would change:\n  vbo-reconcile plan PATH")
    return found
