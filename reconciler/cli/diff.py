"""`diff`: show what one inventory would change where another is applied. Offline, without secrets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import PATH, Output, detail_option, format_option, include_root_option
from reconciler.operations.status import Status
from reconciler.render import FORMATS


@click.command(cls=Command)
@click.argument("old", metavar="[OLD]", type=PATH)
@click.argument("new", metavar="NEW", type=PATH, required=False)
@include_root_option
@click.option("--base", metavar="REF", help="Compare with NEW as it was where its branch left git's REF.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if they differ.")
@format_option(*FORMATS)
@detail_option
@verbosity_options
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

    Needs no secrets and connects to nothing, so a pull request from a fork can run it:

    \b
      vbo-reconcile diff --base origin/main inventory.yml
    """
    from reconciler.cli.plan_output import show_plan
    from reconciler.operations import DiffOptions
    from reconciler.operations import diff as compare

    if base is None and new is None:
        raise click.UsageError("Give two inventories, or one with --base REF.")
    if base is not None and new is not None:
        raise click.UsageError("Give OLD or --base REF, not both.")
    options = DiffOptions(old=old if new else None, base=base)
    made = compare(new or old, options, console.runtime)
    show_plan(console, made.document, outputs)
    return made.status if detailed_exitcode else Status.OK
