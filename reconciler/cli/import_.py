"""`import`: write the inventory of a server that exists. Holds no writer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    include_root_option,
    lab_option,
    selection_options,
    trust_option,
)
from reconciler.operations.request import Selection

if TYPE_CHECKING:
    from reconciler.operations import ImportResult


@click.command("import", cls=Command)
@click.option("--from", "source", type=PATH, required=True, metavar="PATH", help="Inventory that names the server.")
@click.option("--out", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Write the files there.")
@click.option("--stdout", "preview", is_flag=True, help="Print the inventory in place of writing files.")
@click.option("--name", default="", show_default="that of --from", help="Name of the new inventory: its owner mark.")
@click.option(
    "--layout",
    type=click.Choice(["one", "split"]),
    default=None,
    show_default="one up to 30 objects",
    help="Write one file, or one for proxies, one for repositories, and one for the jobs of each organization.",
)
@lab_option
@selection_options
@include_root_option
@trust_option
@verbosity_options
@pass_console
def import_(
    console: Console,
    /,
    source: Path,
    folder: Path | None,
    *,
    preview: bool,
    layout: str | None,
    selection: Selection,
    **more: Any,
) -> int:
    """Write the inventory of a server that exists, whose plan has no changes.

    Reads the server with GET and the login only, and no host.
    """
    from reconciler.operations import ImportOptions, import_server

    if (folder is None) != preview:
        raise click.UsageError("give --out FOLDER for the files, or --stdout for a preview")
    options = ImportOptions(folder=folder, layout=layout or "", selection=selection, **more)
    made = import_server(source, options, console.runtime)
    if preview:
        console.result("".join(text for name, text in made.files.items() if name.endswith(".yml")))
    _report(console, made, folder)
    return made.status


def _report(console: Console, made: ImportResult, folder: Path | None) -> None:
    from reconciler.importing.report import counts

    facts = made.facts
    part, where = len({item.address for item in facts.in_part}), " (IMPORT.md)" if folder else ""
    ends = [f"Imported {counts(made.new) or 'nothing new'}"]
    ends += [f"{part} in part{where}"] if part else []
    ends += [f"{len(facts.omitted)} not imported{where}"] if facts.omitted else []
    ends += [f"{len(facts.gone)} declared and not on the server{where}"] if facts.gone else []
    console.report(f"{'; '.join(ends)}. {_plan_text(made)}")


def _plan_text(made: ImportResult) -> str:
    if made.differences:
        changes = "\n".join(
            f"  {change.action.value} {change.address}: {', '.join(field.path for field in change.fields)}"
            for change in made.differences
        )
        return f"Plan: not empty, which is a bug of this program:\n{changes}"
    pending = len(made.plan.changes)
    return f"Plan: {pending} changes of what was declared before." if pending else "Plan: no changes."
