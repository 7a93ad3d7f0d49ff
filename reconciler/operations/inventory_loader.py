"""Reading an inventory together with the playbooks that it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.diagnostic import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.operations.runtime import Runtime


def read_inventory(
    path: Path, *, lab: bool = False, include_root: Path | None = None
) -> tuple[Inventory | None, list[Diagnostic]]:
    """The inventory at `path` (a file or a folder), and all errors and warnings. None if it cannot be read at all.

    With `lab` the certificate and key files need not exist: the lab creates them.
    """
    from reconciler.inventory import load

    inventory, found = load(path, look_at_files=not lab, include_root=include_root)
    if inventory is not None and inventory.playbooks:
        found = [*found, *_check_playbooks(inventory)]
    return inventory, found


def _check_playbooks(inventory: Inventory) -> Sequence[Diagnostic]:
    from reconciler.requirements import load_for

    try:
        load_for(inventory)
    except Diagnosed as error:
        return error.diagnostics
    return ()


def check_trust(inventory: Inventory, runtime: Runtime) -> None:
    """Raises Diagnosed with everything that the file of `runtime.trust` does not allow, if there is one."""
    refused = distrusted_by(runtime.trust, inventory) if runtime.trust else []
    if refused:
        raise Diagnosed(refused)


def distrusted_by(file: Path, inventory: Inventory) -> list[Diagnostic]:
    """What the file of `--trust` does not allow. Raises Diagnosed if it cannot be used."""
    from reconciler.inventory.trust import distrusted, load_trust

    return distrusted(inventory, load_trust(file, inventory.access.root))


def load_inventory(path: Path, runtime: Runtime, *, lab: bool = False) -> Inventory:
    """The inventory at `path`; warnings go to the listener. Raises Diagnosed if it has errors,
    or if it needs what the file of `runtime.trust` does not allow: then nothing has been asked of anyone yet."""
    from reconciler.operations.events import InventoryLoaded

    inventory, found = read_inventory(path, lab=lab, include_root=runtime.include_root)
    if inventory is None or any(item.is_error for item in found):
        raise Diagnosed(found)
    if not lab:
        check_trust(inventory, runtime)
    runtime.listen(InventoryLoaded(inventory.files, tuple(found)))
    return inventory
