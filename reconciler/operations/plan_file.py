"""Plan files: writing one, and reading one that is to be applied, with the inventory that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.private_files import write_private

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.operations.runtime import Runtime
    from reconciler.plan.saved import SavedPlan


def save_plan(
    document: Mapping[str, Any], file: Path, *, hours: float, created: datetime, key: Path | None = None
) -> datetime:
    """Write a plan file (0600) that can be applied for `hours`, and its signature if there is a `key`. Returns when it
    expires. Raises OSError and Diagnosed."""
    from reconciler.operations.signatures import sign, signature_file
    from reconciler.plan.saved import Origin, sealed, to_bytes

    expires = created + timedelta(hours=hours)
    origin = Origin(__version__, **document.get("git", {}))
    content = to_bytes(sealed(document, origin=origin, created=created, expires=expires))
    signature = sign(content, key) if key is not None else b""
    write_private(file, content)
    if signature:
        write_private(signature_file(file), signature)
    return expires


def read_saved_plan(path: Path, now: datetime, allowed_signers: Path | None = None) -> tuple[SavedPlan, str]:
    """The saved plan at `path`, and who signed it if `allowed_signers` are given. Raises Diagnosed and OSError."""
    from reconciler.operations.signatures import verify
    from reconciler.plan.saved import read_plan

    content = path.read_bytes()
    signer = verify(content, path, allowed_signers) if allowed_signers is not None else ""
    return read_plan(content, name=path.name, now=now), signer


def is_plan(path: Path) -> bool:
    """Whether a file is a plan and not an inventory: it begins as JSON, unlike YAML that users write."""
    try:
        with path.open("rb") as stream:
            return path.suffix == ".json" or stream.read(64).lstrip().startswith(b"{")
    except OSError:
        return False


def inventory_of(saved: SavedPlan, path: Path | None, runtime: Runtime, *, lab: bool) -> Inventory:
    """The inventory that a plan was made of: at `path`, or where the plan recorded it. Raises Diagnosed if it is not
    found or differs."""
    inventory = load_inventory(path or find_recorded(saved.inventory), runtime, lab=lab)
    if path is None:
        _check_committed(saved, inventory)
    saved.check_made_of(inventory.digest, inventory.access.server.host)
    return inventory


def is_found(document: Mapping[str, Any], inventory: Inventory) -> bool:
    """Whether `apply` finds the inventory of this plan from the working folder by itself."""
    from reconciler.plan.saved import SavedPlan

    saved = SavedPlan(document, "")
    try:
        found = find_recorded(saved.inventory)
        _check_committed(saved, inventory)
    except Diagnosed:
        return False
    return found.samefile(Path(inventory.access.root, inventory.main))


def recorded_inventory(plan: Path) -> Path | None:
    """Where the inventory of a plan file is; None if the file does not say it, or it is not there."""
    import json

    from reconciler.plan.saved import SavedPlan

    try:
        return find_recorded(SavedPlan(json.loads(plan.read_bytes()), plan.name).inventory)
    except (Diagnosed, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def find_recorded(recorded: str) -> Path:
    """A recorded path, from the root of the repository that contains the working folder, or else from that folder. It
    stays there, also where it leads through links. Raises Diagnosed if there is nothing."""
    from reconciler.inventory.history import History

    history = History.of(Path.cwd())
    top = history.top if history else Path.cwd()
    found = top / recorded
    if not found.exists() or not found.resolve().is_relative_to(top.resolve()):
        raise _which(f"The inventory of the plan, {recorded}, is not in {top}.")
    return found


def _check_committed(saved: SavedPlan, inventory: Inventory) -> None:
    """In a repository an inventory that only the plan file names is used as it is committed: a file that came with the
    plan, unpacked into the checkout, is not."""
    from reconciler.inventory.history import History

    history = History.of(Path(inventory.access.root))
    if history is not None and history.is_dirty([*inventory.files, *inventory.playbooks]):
        raise _which(f"The inventory of the plan, {saved.inventory}, is not as it is committed in git.")


def _which(detail: str) -> Diagnosed:
    fix = "Say which inventory it is:\n  vbo-reconcile apply FILE --inventory PATH"
    return Diagnosed([Diagnostic("plan-inventory", "The inventory of the plan is not found", detail, fix)])
