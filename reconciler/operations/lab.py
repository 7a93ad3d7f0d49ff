"""The only module that imports the lab: whatever else works in the lab comes through here."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from reconciler.installation import install_command
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.paths import lab_folder
from reconciler.user_folders import is_windows, own_folder

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.lab.lab import Lab
    from reconciler.model.inventory import Inventory
    from reconciler.operations.runtime import Runtime

__all__ = ["Lab", "open_lab", "open_lab_at", "reset_lab", "reset_lab_at"]

_REQUIRED = ("aiosmtpd", "asyncssh", "defusedxml")


def open_lab(inventory: Inventory, runtime: Runtime) -> Lab:
    """The lab of an inventory: the one that another process keeps running, else one that ends when it is closed.

    Raises Diagnosed if the packages of the lab are not installed, and LabError.
    """
    _check_installed()
    folder = own_folder(lab_folder(runtime.lab_name or inventory.name, runtime.environment))
    with runtime.waiting("Starting the lab"):
        from reconciler.lab.lab import Lab

        return Lab.open(inventory, folder)


def open_lab_at(path: Path | None, runtime: Runtime) -> Lab:
    """The lab of the inventory at `path`, by default of the demo. Raises what `open_lab` and `load_inventory` do."""
    from reconciler.operations.inventory_loader import demo, lab_name, load_inventory

    if path is None:
        lab_name(None, runtime)
    return open_lab(load_inventory(path or demo(), runtime, lab=True), runtime)


def reset_lab_at(path: Path | None, runtime: Runtime) -> str:
    """`reset_lab` for the inventory at `path`, by default the demo. Returns the name of the inventory. Its errors do
    not matter."""
    from reconciler.operations.inventory_loader import lab_name

    name = lab_name(path, runtime)
    reset_lab(name, runtime)
    return name


def reset_lab(inventory: str, runtime: Runtime) -> None:
    """Delete the state of the lab of the inventory with this name, and its journal. Raises LabError while it runs, and
    Diagnosed if the packages of the lab are not installed."""
    _check_installed()
    from reconciler.lab.lab import reset

    reset(lab_folder(inventory, runtime.environment))


def _check_installed() -> None:
    if is_windows():
        raise Diagnosed([_ON_WINDOWS])
    missing = [name for name in _REQUIRED if find_spec(name) is None]
    if missing:
        raise Diagnosed([_not_installed(missing)])


_ON_WINDOWS = Diagnostic(
    code="no-lab",
    summary="The lab does not run on Windows",
    detail="Its hosts run shell scripts, and each needs a separate loopback address. Everything else runs here.",
    fix="Rehearse on Linux, for example in WSL. Without --lab, `plan` shows what would change on the real server.",
)


def _not_installed(missing: list[str]) -> Diagnostic:
    return Diagnostic(
        code="no-lab",
        summary="The lab is not installed",
        detail=f"It needs packages that are not there: {', '.join(missing)}.",
        fix=f"Install them:\n  {install_command('lab')}",
    )
