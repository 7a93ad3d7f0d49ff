"""Where the playbooks are: inside the package when it is installed, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def playbooks_folder() -> Path:
    package = Path(__file__).resolve().parent.parent
    installed = package / "_data" / "playbooks"
    return installed if installed.is_dir() else package.parent / "playbooks"
