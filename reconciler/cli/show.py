"""`show`: a saved plan in any format. Reaches nothing, so it also shows plans that cannot be applied any more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import PATH, REVIEWS, Output, detail_option, format_option


@click.command(cls=Command)
@click.argument("file", type=PATH)
@format_option(*REVIEWS)
@detail_option
@talk_options
@pass_console
def show(console: Console, file: Path, outputs: Sequence[Output]) -> int:
    """Show the plan in FILE: one that `plan --out` saved, or the JSON of `plan`, `diff` or `drift`."""
    from reconciler.cli.reviewing import show as tell
    from reconciler.plan.saved import read_document

    document = read_document(file.read_bytes(), name=file.name)
    tell(console, document, outputs)
    return exits.OK
