"""The document of an inventory as its files say it, before defaults and groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.merge import read_all


def raw_document(path: Path, include_root: Path | None = None) -> tuple[Path, dict[str, Any]]:
    """The folder of an inventory that has no errors, and its merged document."""
    folder, merged = read_all(path, Diagnostics(), include_root)
    return folder, merged.root
