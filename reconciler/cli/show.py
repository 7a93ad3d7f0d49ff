"""`show`: a saved plan in any format. Connects to nothing, and also shows plans that have expired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import PATH, Output, detail_option, format_option
from reconciler.operations.status import Status
from reconciler.render import FORMATS


@click.command(cls=Command)
@click.argument("file", type=PATH)
@format_option(*FORMATS)
@detail_option
@verbosity_options
@pass_console
def show(console: Console, file: Path, outputs: Sequence[Output]) -> int:
    """Show the plan in FILE, saved by `plan --out` or printed by `plan`, `diff` or `drift` as JSON."""
    from reconciler.cli.plan_output import show_plan
    from reconciler.plan.saved import read_document

    document = read_document(file.read_bytes(), name=file.name)
    show_plan(console, document, outputs)
    return Status.OK
