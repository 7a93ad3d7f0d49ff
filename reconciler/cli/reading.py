"""Reading an inventory for a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.console import Console
from reconciler.model.diagnostic import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory


def read(path: Path, *, lab: bool = False) -> tuple[Inventory | None, list[Diagnostic]]:
    """The inventory at `path` (a file or a folder) and everything that is wrong with it.

    The lab makes the certificates and keys that are named, so none of them needs to be there.
    """
    from reconciler.inventory import load

    inventory, found = load(path, look_at_files=not lab)
    if inventory is not None and inventory.playbooks:
        found = [*found, *_of_playbooks(inventory)]
    return inventory, found


def _of_playbooks(inventory: Inventory) -> Sequence[Diagnostic]:
    """What is wrong with the playbooks that an inventory names."""
    from reconciler.hosts import load_for

    try:
        load_for(inventory)
    except Diagnosed as error:
        return error.diagnostics
    return ()


def usable(console: Console, path: Path, *, lab: bool = False) -> Inventory:
    """The inventory, its warnings told. Raises Diagnosed where it has errors."""
    inventory, found = read(path, lab=lab)
    if inventory is None or any(item.is_error for item in found):
        raise Diagnosed(found)
    if found and not console.quiet:
        console.problems(found)
    console.detail(f"Read {', '.join(inventory.files)}")
    return inventory
