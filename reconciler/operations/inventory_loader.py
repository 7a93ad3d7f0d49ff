"""Reading an inventory together with the playbooks that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.operations.runtime import Runtime
    from reconciler.requirements import Playbook

_SCRIPTS_NOT_RUN = Diagnostic(
    code="lab-scripts",
    summary="Scripts of own playbooks are not run in the lab",
    detail="Their facts are unknown, and their remedies are reported only: in the lab they would run on this machine.",
    fix="If you trust these scripts, let them run here as you: --lab-run-scripts",
    severity=Severity.WARNING,
)


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


def load_playbooks(inventory: Inventory, runtime: Runtime, *, lab: bool) -> Mapping[str, Playbook]:
    """The playbooks of an inventory. In the lab without scripts of the user's own, unless the runtime allows them: a
    host of the lab is this machine, and they would run here. Raises Diagnosed."""
    from reconciler.operations.events import Warned
    from reconciler.requirements import load_for, without_own_scripts

    found = load_for(inventory)
    if not lab or runtime.lab_runs_scripts:
        return found
    safe = without_own_scripts(found)
    if safe != found:
        runtime.listen(Warned(_SCRIPTS_NOT_RUN))
    return safe
