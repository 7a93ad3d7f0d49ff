"""Reading an inventory together with the playbooks that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity
from reconciler.operations.paths import labs
from reconciler.package_data import package_data
from reconciler.presence import is_folder

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.known_drift import Known
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
    from reconciler.inventory.trust_file import distrusted, load_trust

    return distrusted(inventory, load_trust(file, inventory.access.root))


def load_inventory(path: Path, runtime: Runtime, *, lab: bool = False) -> Inventory:
    """The inventory at `path`; warnings go to the listener. Raises Diagnosed if it has errors,
    or if it needs what the file of `runtime.trust` does not allow: then nothing has been asked of anyone yet."""
    from reconciler.operations.events import InventoryLoaded

    with runtime.waiting(f"Reading {path}"):
        inventory, found = read_inventory(path, lab=lab, include_root=runtime.include_root)
    if inventory is None or any(item.is_error for item in found):
        raise Diagnosed(_of_fleet(path) or found)
    if not lab:
        check_trust(inventory, runtime)
    runtime.listen(InventoryLoaded(inventory.files, tuple(found)))
    return inventory


def load_with_known(
    path: Path, known: Path | None, runtime: Runtime, *, lab: bool = False
) -> tuple[Inventory, Sequence[Known]]:
    """The inventory at `path`, and what the file `known` accepts. Raises Diagnosed with what is wrong with either."""
    accepted, wrong = read_known(known, path)
    try:
        inventory = load_inventory(path, runtime, lab=lab)
    except Diagnosed as error:
        raise Diagnosed([*wrong, *error.diagnostics]) from error
    if wrong:
        raise Diagnosed(wrong)
    return inventory, accepted


def read_known(known: Path | None, inventory: Path) -> tuple[Sequence[Known], Sequence[Diagnostic]]:
    """What the file `known` accepts, for the inventory at `inventory`, and what is wrong with it."""
    from reconciler.inventory.known_drift import load_known

    if known is None:
        return (), ()
    try:
        return load_known(known, inventory if is_folder(inventory) else inventory.parent), ()
    except Diagnosed as error:
        return (), error.diagnostics


def _of_fleet(path: Path) -> list[Diagnostic]:
    """What is wrong where an inventory is required and `path` is a fleet."""
    from reconciler.inventory.fleet import read_fleet
    from reconciler.inventory.fleet_file import is_fleet

    if not is_fleet(path):
        return []
    fleet = read_fleet(path)
    detail = f"{path} is the fleet {fleet.name}, and this command is for one inventory."
    paths = "".join(f"\n  {member.path}" for member in fleet.members)
    return [Diagnostic("fleet", "A fleet, not an inventory", detail, f"Give the path of one of them:{paths}")]


def inventory_name(path: Path, runtime: Runtime) -> str:
    """The name of the inventory at `path`, by which a lab and runs are found: errors in the rest of it do not matter.
    Raises Diagnosed with all its errors if it has no name."""
    from reconciler.inventory import name_in

    return name_in(path) or load_inventory(path, runtime, lab=True).name


def lab_name(path: Path | None, runtime: Runtime) -> str:
    """The name of the lab of the inventory at `path`. Without one it is the lab of the shipped demo, which is reported
    together with the other labs that there are."""
    if path is not None:
        return inventory_name(path, runtime)
    name = inventory_name(demo(), runtime)
    others = [lab for lab in labs(runtime.environment) if lab != name]
    more = f" Other labs here: {', '.join(others)}." if others else ""
    runtime.report(f"No inventory is named: this is the lab of the {name} inventory that is shipped.{more}")
    return name


def demo() -> Path:
    """The shipped inventory for the lab."""
    return package_data("inventories", "demo.yml")


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
