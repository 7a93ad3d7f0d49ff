"""`validate`: show all errors and warnings of an inventory. Offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import Output, deliver, format_option, inventory_argument, server_option

if TYPE_CHECKING:
    from reconciler.inventory.fleet import Settings
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.operations import Validation
    from reconciler.render.style import Style


@click.command(cls=Command)
@inventory_argument
@server_option
@click.option(
    "--secrets", is_flag=True, help="Resolve every secret too, where its reference says. Values are not used."
)
@format_option("human", "json")
@verbosity_options
@pass_console
def validate(console: Console, path: Path, outputs: Sequence[Output], servers: Sequence[str], *, secrets: bool) -> int:
    """Check the inventory at PATH (a file or a folder) without connecting to anything.

    Shows all errors and warnings at once, with file, line and column. With --secrets also those secrets that cannot be
    resolved: this runs the programs and asks the servers that the references name.

    If PATH is a fleet, its file, all its inventories and the files of known drift are checked.
    """
    from reconciler.cli.fleet_path import fleet_at

    fleet = fleet_at(path, servers)
    if fleet is None:
        return _check(console, path, outputs, secrets=secrets).status
    from reconciler.cli.fleet import FleetRun, given_options

    return FleetRun(console, fleet, outputs, _summary, given_options()).carry_out(
        servers,
        lambda block, member, asked: _check(block, member.path, asked, secrets=secrets, settings=member.settings),
        connects=False,
    )


def _check(
    console: Console, path: Path, outputs: Sequence[Output], *, secrets: bool, settings: Settings | None = None
) -> Validation:
    """One inventory."""
    from reconciler.operations import validate as check

    environment = console.environment if secrets else None
    with console.runtime.waiting(f"Reading {path}"):
        result = check(
            path,
            include_root=console.world.include_root,
            trust=console.world.trust,
            secrets=environment,
            known=settings.known if settings else None,
            webhook=(settings.notify_url or "") if settings else "",
        )
    deliver(console, outputs, lambda name, style: _json(result) if name == "json" else _text(result, style))
    if result.diagnostics and console.environment.get("GITHUB_ACTIONS") == "true":
        _annotate(console, path, result.diagnostics)
    return result


def _annotate(console: Console, path: Path, found: Sequence[Diagnostic]) -> None:
    """Diagnostics at the lines of the inventory, in the pages of GitHub."""
    from reconciler.inventory.history import History
    from reconciler.render.annotations import diagnostics_annotations

    history = History.of(path if path.is_dir() else path.absolute().parent)
    console.announce(diagnostics_annotations(found, history.folder if history else ""))


def _json(result: Validation) -> str:
    from reconciler.render.document import document, findings

    inventory = result.inventory
    name = inventory.name if inventory else ""
    files = list(inventory.files) if inventory else []
    return document(findings(result.diagnostics, inventory=name, files=files, objects=dict(result.objects)))


def _text(result: Validation, style: Style) -> str:
    from reconciler.render.diagnostics import diagnostics_text

    inventory, text = result.inventory, diagnostics_text(result.diagnostics, style)
    said = _summary(result)
    if inventory is None or result.status:
        return f"{text}\nNot valid: {said.partition(': ')[2]}.\n"
    gap = "\n" if text else ""
    return f"{text}{gap}Valid: {inventory.name} declares {said.partition(': ')[2]}.\n"


def _summary(result: Validation) -> str:
    """Without a stop."""
    found = result.diagnostics
    errors = sum(1 for item in found if item.is_error)
    warnings = _many(len(found) - errors, "warning") if len(found) > errors else ""
    if result.status:
        return f"not valid: {', '.join(filter(None, (_many(errors, 'error'), warnings)))}"
    sizes = ", ".join(_counted(kind, size) for kind, size in result.objects.items())
    return f"valid: {'; '.join(filter(None, (sizes or 'nothing', warnings)))}"


def _counted(kind: str, size: int) -> str:
    from reconciler.kinds import KINDS

    return f"{size} {kind if size == 1 else KINDS[kind].section}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
