"""`schema`: the JSON Schema of what people write."""

from __future__ import annotations

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.places import packaged

SCHEMAS = ("inventory", "playbook", "plan", "known-drift")


@click.command(cls=Command)
@click.argument("name", type=click.Choice(SCHEMAS), default="inventory")
@talk_options
@pass_console
def schema(console: Console, name: str) -> int:
    """Print the JSON Schema of an inventory, or of a playbook, a plan or a list of known drift.

    In an editor, the first line of an inventory does it:

      # yaml-language-server: $schema=inventory.schema.json
    """
    console.result(packaged("schemas", f"{name}.schema.json").read_text(encoding="utf-8"))
    return 0
