"""Plan files: writing one, and reading one that is to be applied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.operations.errors import InvalidOption
from reconciler.operations.private_files import write_private

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.plan.saved import SavedPlan


def save_plan(
    document: Mapping[str, Any], inventory: Inventory, file: Path, *, hours: float, created: datetime
) -> datetime:
    """Write a plan file (0600) that can be applied for `hours`, and return when it expires. Raises OSError."""
    from reconciler.plan.saved import Origin, sealed, to_bytes

    expires = created + timedelta(hours=hours)
    origin = Origin(__version__, **document.get("git", {}))
    write_private(file, to_bytes(sealed(document, inventory, origin=origin, created=created, expires=expires)))
    return expires


def find_saved_plan(path: Path, root: Path | None, now: datetime) -> SavedPlan | None:
    """The saved plan at `path`; None for an inventory. `root` is the folder of the plan's inventory, where its
    certificates and keys are, by default where it was in the repository. Raises Diagnosed, OSError and InvalidOption.
    """
    if not _is_plan(path):
        if root is not None:
            raise InvalidOption("--root is for a saved plan: an inventory's paths start from its own folder.")
        return None
    from reconciler.plan.saved import read_plan

    found = read_plan(path.read_bytes(), name=path.name, now=now)
    folder = root if root is not None else _top() / str(found.document["inventory"].get("folder", ""))
    return found.placed(str(folder.absolute()))


def _is_plan(path: Path) -> bool:
    """Whether a file is a plan and not an inventory: it begins as JSON, unlike YAML that users write."""
    try:
        with path.open("rb") as stream:
            return path.suffix == ".json" or stream.read(64).lstrip().startswith(b"{")
    except OSError:
        return False


def _top() -> Path:
    """The root of the repository that contains the working directory, else the working directory."""
    from reconciler.inventory.history import History

    here = Path.cwd()
    history = History.of(here)
    return history.top if history else here
