"""Reading an inventory for a command."""

from __future__ import annotations

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

    return load(path, look_at_files=not lab)


def usable(console: Console, path: Path, *, lab: bool = False) -> Inventory:
    """The inventory, its warnings told. Raises Diagnosed where it has errors."""
    inventory, found = read(path, lab=lab)
    if inventory is None or any(item.is_error for item in found):
        raise Diagnosed(found)
    if found and not console.quiet:
        console.problems(found)
    console.detail(f"Read {', '.join(inventory.files)}")
    return inventory
