"""`plan`: what differs, and why. Holds no writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import (
    Output,
    deliver,
    format_option,
    inventory_argument,
    lab_option,
    parallelism_option,
    waiver_option,
)
from reconciler.cli.reading import usable

if TYPE_CHECKING:
    from reconciler.model.plan import Plan


@click.command(cls=Command)
@inventory_argument
@lab_option
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending, 4 where a guard refuses."
)
@click.option("--require-complete", is_flag=True, help="Refuse a plan with anything in it that could not be observed.")
@waiver_option
@format_option("human", "json")
@parallelism_option
@talk_options
@pass_console
def plan(
    console: Console,
    path: Path,
    outputs: Sequence[Output],
    waivers: Mapping[str, str],
    *,
    lab: bool,
    detailed_exitcode: bool,
    require_complete: bool,
    parallelism: int,
) -> int:
    """Show what would change in the live world, and why.

    Reads the server and the hosts that the inventory at PATH names, and writes nothing: not even a writer exists.
    """
    from reconciler.cli.world import open_world

    inventory = usable(console, path, lab=lab)
    with open_world(console, inventory, lab=lab, parallel=parallelism) as world:
        made = world.look(waivers=waivers, complete=require_complete).plan
    show_plan(console, made, outputs)
    return exit_of(made, detailed=detailed_exitcode)


def show_plan(console: Console, made: Plan, outputs: Sequence[Output]) -> None:
    from reconciler.plan import plan_to_json
    from reconciler.render import renderer

    data = plan_to_json(made)
    deliver(console, outputs, lambda name, style: renderer(name)(data, style))


def exit_of(made: Plan, *, detailed: bool) -> int:
    """The exit code of a preview: an error first, then (where asked for) refused, then pending."""
    if made.has_errors:
        return exits.ERROR
    if detailed and made.is_refused:
        return exits.REFUSED
    return exits.PENDING if detailed and not made.is_empty else exits.OK
