"""An inventory in git: its commit, and what it was at another revision."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity

if TYPE_CHECKING:
    from reconciler.inventory.history import History
    from reconciler.model.inventory import Inventory


def history_of(inventory: Inventory) -> History | None:
    """The git history of the folder of an inventory; None outside of a repository."""
    from reconciler.inventory.history import History

    return History.of(Path(inventory.access.root))


def git_state(history: History, inventory: Inventory) -> dict[str, Any]:
    """The commit that the inventory was read from, and whether it has changes that are not committed."""
    return {"commit": history.commit(), "dirty": history.is_dirty(inventory.files)}


def inventory_at(history: History, commit: str, now: Inventory) -> Inventory | None:
    """The inventory as it was at `commit`; None if it did not exist. `now` is how it is.
    What it includes may be anywhere in the commit. Raises Diagnosed if it had errors."""
    from reconciler.operations.inventory_loader import read_inventory

    with tempfile.TemporaryDirectory(prefix="vbo-reconcile-") as there:
        folder = history.export(commit, Path(there), now.file_digests)
        path = folder / now.main if now.main else folder
        if not path.exists():
            return None
        inventory, found = read_inventory(path, lab=True, include_root=Path(there))
    if inventory is None:
        raise Diagnosed(found)
    return inventory


def inventory_at_base(inventory: Inventory, revision: str) -> Inventory | None:
    """`inventory` as it was where its branch left `revision`; None if it did not exist. Raises Diagnosed, and
    UnknownRevision."""
    history = history_of(inventory)
    if history is None:
        raise no_history(inventory, revision)
    return inventory_at(history, history.base(revision), inventory)


def no_history(inventory: Inventory, base: str) -> Diagnosed:
    """The error for a `base` of an inventory that is in no git repository."""
    from reconciler.inventory.history import History

    why = History.why_none(Path(inventory.access.root))
    detail = f"Git has no history of the inventory to find {base!r} in: {why}."
    fix = "Check the repository, or compare two files:\n  vbo-reconcile diff OLD NEW"
    return Diagnosed([Diagnostic("base", "No such base", detail, fix)])


def unused_repository(inventory: Inventory) -> Diagnostic | None:
    """A warning if the inventory is in a repository that git refuses to read, as one of another user."""
    from reconciler.inventory.history import History

    folder = Path(inventory.access.root)
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return None
    why = History.why_none(folder)
    return Diagnostic(
        code="git",
        summary="The git repository is not used",
        detail=f"Git does not read it: {why}. So commits are not shown, and changes are not compared with a base.",
        fix=f"If it belongs to another user whom you trust:\n  git config --global --add safe.directory {_top(folder)}",
        severity=Severity.WARNING,
    )


def _top(folder: Path) -> str:
    above = next(above for above in (folder, *folder.parents) if (above / ".git").exists())
    return shlex.quote(str(above))
