"""`diff`: what one inventory would change where another is applied. Offline, without a secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import PATH, REVIEWS, Output, detail_option, format_option
from reconciler.operations.inventory_loader import load_inventory

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory


@click.command(cls=Command)
@click.argument("old", metavar="[OLD]", type=PATH)
@click.argument("new", metavar="NEW", type=PATH, required=False)
@click.option("--base", metavar="REF", help="Instead of OLD: NEW as it was where it left git's REF.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where they differ.")
@format_option(*REVIEWS)
@detail_option
@talk_options
@pass_console
def diff(
    console: Console,
    old: Path,
    new: Path | None,
    outputs: Sequence[Output],
    *,
    base: str | None,
    detailed_exitcode: bool,
) -> int:
    """Compare two inventories: what would NEW change where OLD is applied?

    Needs no secret and reaches nothing, so it is what a pull request from a fork can run:

    \b
      vbo-reconcile diff --base origin/main inventory.yml
    """
    from reconciler.cli.reviewing import document_of, show
    from reconciler.plan.document import DIFF
    from reconciler.plan.offline import difference

    if base is None and new is None:
        raise click.UsageError("Name two inventories, or one with --base REF.")
    if base is not None and new is not None:
        raise click.UsageError("Name OLD or --base REF, not both.")
    wanted = load_inventory(new or old, console.runtime, lab=True)
    before = _at_base(wanted, base) if base is not None else load_inventory(old, console.runtime, lab=True)
    made = difference(before, wanted)
    show(console, document_of(console, made, wanted, mode=DIFF), outputs)
    return exits.PENDING if detailed_exitcode and not made.is_empty else exits.OK


def _at_base(inventory: Inventory, base: str) -> Inventory:
    from reconciler.cli.reviewing import history_of, inventory_at, no_history
    from reconciler.plan.offline import nothing

    history = history_of(inventory)
    if history is None:
        raise no_history(inventory, base)
    return inventory_at(history, history.base(base), inventory.main) or nothing(inventory)
