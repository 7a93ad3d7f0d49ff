"""Where state is kept between runs, by the XDG rules. Folders are 0700."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

APP = "vbo-reconcile"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/vbo-reconcile`, by default `~/.local/state/vbo-reconcile`; on Windows below %LOCALAPPDATA%.

    A relative XDG_STATE_HOME is ignored, as the specification asks.
    """
    if sys.platform == "win32" and environment.get("LOCALAPPDATA"):
        return Path(environment["LOCALAPPDATA"]) / APP
    base = Path(environment.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / APP


def lab_folder(inventory: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The state of the lab of an inventory, by the inventory's name."""
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in inventory) or "_"
    return state_folder(environment) / "lab" / safe


def journal_place(lab: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """Where runs, locks and what was last applied are kept: VBO_RECONCILE_JOURNAL (a file, or a PostgreSQL database
    of a team), else a file of this user. The lab has its own, inside its folder, so that resetting the lab clears it.
    """
    from reconciler.journal.place import FILE, VARIABLE

    return str(lab / FILE) if lab else environment.get(VARIABLE) or str(state_folder(environment) / FILE)


def private_folder(folder: Path) -> Path:
    """`folder`, made with its parents where it does not exist, all of them for nobody else. Raises OSError."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder
