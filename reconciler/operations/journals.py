"""Which journal an operation uses: that of the user or team, or that of a lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.paths import journal_place, lab_folder, private_folder, state_folder
from reconciler.package_data import package_data

if TYPE_CHECKING:
    from reconciler.journal import Journal
    from reconciler.operations.runtime import Runtime


def open_journal(runtime: Runtime, lab: Path | None = None) -> Journal:
    """The journal of this user or team, or the one of the lab with its state in `lab`. Raises JournalError."""
    from reconciler.journal import Journal

    place = journal_place(lab, runtime.environment)
    own = lab or state_folder(runtime.environment)
    if Path(place).parent == own:
        private_folder(own)
    return Journal.open(place)


def open_journal_of(runtime: Runtime, *, lab: bool, inventory: Path | None = None) -> Journal:
    """The journal for operations that need nothing else. With `lab` that of the lab of the inventory at this path, by
    default of the demo. Raises JournalError, and Diagnosed for an inventory with errors."""
    if not lab:
        return open_journal(runtime)
    name = load_inventory(inventory or package_data("inventories", "demo.yml"), runtime, lab=True).name
    return open_journal(runtime, lab_folder(name, runtime.environment))
