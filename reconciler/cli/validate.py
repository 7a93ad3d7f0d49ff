"""`validate`: everything that is wrong with an inventory, at once and offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import Output, deliver, format_option, inventory_argument
from reconciler.model.diagnostic import Diagnostic

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.render.style import Style


@click.command(cls=Command)
@inventory_argument
@format_option("human", "json")
@talk_options
@pass_console
def validate(console: Console, path: Path, outputs: Sequence[Output]) -> int:
    """Check the inventory at PATH (a file or a folder) without touching the network.

    All findings are shown at once, with file, line and column.
    """
    from reconciler.operations.inventory_loader import read_inventory

    inventory, found = read_inventory(path)

    def text(name: str, style: Style) -> str:
        return _json(inventory, found) if name == "json" else _human(inventory, found, style)

    deliver(console, outputs, text)
    if found and console.environment.get("GITHUB_ACTIONS") == "true":
        _annotate(console, path, found)
    return exits.ERROR if inventory is None or any(item.is_error for item in found) else exits.OK


def _annotate(console: Console, path: Path, found: Sequence[Diagnostic]) -> None:
    """Findings at the lines of the inventory, where GitHub shows them."""
    from reconciler.inventory.history import History
    from reconciler.render.annotations import diagnostics_annotations

    history = History.of(path if path.is_dir() else path.absolute().parent)
    console.announce(diagnostics_annotations(found, history.folder if history else ""))


def _sizes(inventory: Inventory | None) -> dict[str, int]:
    return dict(sorted(Counter(item.kind for item in inventory.resources.values()).items())) if inventory else {}


def _json(inventory: Inventory | None, found: Sequence[Diagnostic]) -> str:
    from reconciler.render.document import document, findings

    name = inventory.name if inventory else ""
    files = list(inventory.files) if inventory else []
    return document(findings(found, inventory=name, files=files, objects=_sizes(inventory)))


def _human(inventory: Inventory | None, found: Sequence[Diagnostic], style: Style) -> str:
    from reconciler.render.diagnostics import diagnostics_text

    text = diagnostics_text(found, style)
    errors = sum(1 for item in found if item.is_error)
    warnings = f", {_many(len(found) - errors, 'warning')}" if len(found) > errors else ""
    if errors or inventory is None:
        return f"{text}\nNot valid: {_many(errors, 'error')}{warnings}.\n"
    sizes = ", ".join(_counted(kind, size) for kind, size in _sizes(inventory).items())
    gap = "\n" if text else ""
    return f"{text}{gap}Valid: {inventory.name} declares {sizes or 'nothing'}{warnings}.\n"


def _counted(kind: str, size: int) -> str:
    from reconciler.kinds import KINDS

    return f"{size} {kind if size == 1 else KINDS[kind].section}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
