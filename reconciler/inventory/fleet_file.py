"""Whether a path is a fleet or an inventory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FLEET_FILE: Final = "fleet.yml"
"""The fleet of a folder."""
_START: Final = 65_536
"""Bytes of a file that are looked at for the keys of a fleet."""
_KEYS: Final = re.compile(rb"^(?:\xef\xbb\xbf)?(?:fleet|inventories)[ \t]*:", re.MULTILINE)


def fleet_file(path: Path) -> Path | None:
    """The file of the fleet at `path`: the file itself, or `fleet.yml` in the folder. None for an inventory. A file of
    a fleet has the key `fleet` or `inventories`, which no inventory has; the rest of it need not be right."""
    try:
        file = path / FLEET_FILE if path.is_dir() else path
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            return file if _KEYS.search(stream.read(_START)) else None
    except (OSError, ValueError):
        return None


def is_fleet(path: Path) -> bool:
    return fleet_file(path) is not None
