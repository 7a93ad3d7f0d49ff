"""`explain`: everything that is known about one object, on one screen. Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import EitherOrder, pass_console, verbosity_options
from reconciler.cli.options import Output, deliver, format_option, inventory_argument, lab_option, server_option
from reconciler.operations.status import Status


@click.command(cls=EitherOrder)
@click.argument("names", nargs=1, metavar="ADDRESS", shell_complete=completions.addresses)
@inventory_argument
@server_option
@lab_option
@format_option("human", "json")
@verbosity_options
@pass_console
def explain(
    console: Console, names: str, path: Path, outputs: Sequence[Output], *, servers: Sequence[str], lab: bool
) -> int:
    """Show what is known about the object ADDRESS of the inventory at PATH, and why it would change. Writes nothing.
    Of a fleet it is the inventory that declares ADDRESS.

    \b
      vbo-reconcile explain proxy.px-lon-1 corp.yml

    Shows where it is declared, its fields as declared and as they are, who manages it, its host, what it uses and what
    uses it, the last run that changed it, and the changes that are planned. Reads the server and the hosts.
    """
    from reconciler.cli.fleet_member import inventory_of
    from reconciler.operations import explain as look_up
    from reconciler.render.document import document
    from reconciler.render.explanation import explanation_text

    path, runtime = inventory_of(console, path, servers, names)
    said = look_up(path, names, lab=lab, runtime=runtime)
    deliver(console, outputs, lambda name, style: document(said) if name == "json" else explanation_text(said, style))
    return Status.OK
