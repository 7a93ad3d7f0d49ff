"""Where the lab and the journal keep their state between runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.user_folders import state_folder


def lab_folder(inventory: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The state of the lab of an inventory, by the inventory's name."""
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in inventory) or "_"
    return state_folder(environment) / "lab" / safe


def labs(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The labs that this user has a state of, by name."""
    try:
        return sorted(folder.name for folder in (state_folder(environment) / "lab").iterdir())
    except OSError:
        return []


def journal_place(lab: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """Where runs, locks and what was last applied are kept: VBO_RECONCILE_JOURNAL (a file, or a PostgreSQL database
    of a team), else a file of this user. The lab has its own, inside its folder, so that resetting the lab clears it.
    """
    from reconciler.journal.location import FILE, VARIABLE

    return str(lab / FILE) if lab else environment.get(VARIABLE) or str(state_folder(environment) / FILE)
