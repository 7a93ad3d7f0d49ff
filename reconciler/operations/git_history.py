"""An inventory in git: its commit, and what it was at another revision."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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


@contextmanager
def inventory_at(history: History, commit: str, now: Inventory) -> Iterator[Inventory | None]:
    """The inventory as it was at `commit`; None if it did not exist. `now` is how it is: if its file or folder is not
    in the commit, it was moved since, and is the only one there with its name. The files that it names (playbooks,
    packages, keys) exist until the end of the context.
    What it includes may be anywhere in the commit. Raises Diagnosed if it had errors."""
    from reconciler.operations.inventory_loader import read_inventory

    with tempfile.TemporaryDirectory(prefix="vbo-reconcile-") as there:
        folder = history.export(commit, Path(there), now.file_digests)
        path = folder / now.main if now.main else folder
        if not path.exists():
            moved = _named(Path(there), now)
            if moved is None:
                yield None
                return
            path = moved
        inventory, found = read_inventory(path, lab=True, include_root=Path(there))
        if inventory is None:
            raise Diagnosed(_of_the_base(item, history, commit) for item in found if item.is_error)
        yield inventory


def _of_the_base(error: Diagnostic, history: History, commit: str) -> Diagnostic:
    """An error in a file as it was, which is not the one that an editor opens: named as git does, COMMIT:PATH."""
    place = f"{history.path(error.position.file)}:{error.position.line}" if error.position else ""
    detail = f"{commit[:12]}{place and ':'}{place}: {error.detail}"
    fix = "The inventory of the base has this error. Name a base without it."
    return replace(error, detail=detail, fix=fix, position=None, related=(), source="")


def _named(top: Path, now: Inventory) -> Path | None:
    """The file below `top` that says the name of the inventory, or its folder if the inventory is one. None unless it
    is the only one."""
    from reconciler.inventory import name_said

    files = (file for end in ("*.yml", "*.yaml") for file in top.rglob(end) if file.is_file())
    found = {file if now.main else file.parent for file in files if name_said(file.read_bytes()) == now.name}
    return found.pop() if len(found) == 1 else None


@contextmanager
def inventory_at_base(inventory: Inventory, revision: str) -> Iterator[Inventory | None]:
    """`inventory` as it was where its branch left `revision`, as by `inventory_at`. Raises Diagnosed, and
    UnknownRevision."""
    history = history_of(inventory)
    if history is None:
        raise no_history(inventory, revision)
    with inventory_at(history, history.base(revision), inventory) as found:
        yield found


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
