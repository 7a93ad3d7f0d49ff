"""`schema`: the JSON Schemas of what people write and programs read."""

from __future__ import annotations

import json

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.package_data import package_data

SCHEMAS = ("inventory", "fleet", "playbook", "plan", "known-drift", "trust", "doctor", "explain")


@click.command(cls=Command)
@click.argument("name", type=click.Choice(SCHEMAS), default="inventory")
@click.option("--docs", is_flag=True, help="Print the reference of the inventory or fleet as Markdown instead.")
@verbosity_options
@pass_console
def schema(console: Console, name: str, *, docs: bool) -> int:
    """Print the JSON Schema of an inventory, a fleet, a playbook, a plan, known drift, trust, or of what `doctor` or
    `explain` prints.

    Editors use it through the first line of an inventory:

      # yaml-language-server: $schema=inventory.schema.json
    """
    text = package_data("schemas", f"{name}.schema.json").read_text(encoding="utf-8")
    if docs:
        if name not in ("inventory", "fleet"):
            raise click.UsageError("--docs prints the reference of the inventory or fleet; other schemas have none.")
        from reconciler.render.reference import fleet_markdown, reference_markdown

        text = (fleet_markdown if name == "fleet" else reference_markdown)(json.loads(text))
    console.result(text)
    return 0
