"""`schema`: the JSON Schemas of what people write and programs read."""

from __future__ import annotations

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.places import packaged

SCHEMAS = ("inventory", "playbook", "plan", "known-drift", "doctor")


@click.command(cls=Command)
@click.argument("name", type=click.Choice(SCHEMAS), default="inventory")
@talk_options
@pass_console
def schema(console: Console, name: str) -> int:
    """Print the JSON Schema of an inventory, a playbook, a plan, a list of known drift, or what `doctor` finds.

    In an editor, the first line of an inventory does it:

      # yaml-language-server: $schema=inventory.schema.json
    """
    console.result(packaged("schemas", f"{name}.schema.json").read_text(encoding="utf-8"))
    return 0
