"""Folders of this user for state and downloads. Folders that are created are private (0700)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from platformdirs.api import PlatformDirsABC

APP: Final = "vbo-reconcile"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/vbo-reconcile`, by default `~/.local/state/vbo-reconcile`; on Windows below %LOCALAPPDATA%."""
    return _stated(environment, "XDG_STATE_HOME") or _platform().user_state_path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/vbo-reconcile`, by default `~/.cache/vbo-reconcile`; on Windows below %LOCALAPPDATA%."""
    return _stated(environment, "XDG_CACHE_HOME") or _platform().user_cache_path


def private_folder(folder: Path) -> Path:
    """Create `folder` and its missing parents, accessible to this user only. Raises OSError."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def _stated(environment: Mapping[str, str], variable: str) -> Path | None:
    """A relative path is ignored, as the XDG specification requires."""
    path = Path(environment.get(variable, ""))
    return path / APP if path.is_absolute() else None


def _platform() -> PlatformDirsABC:
    """The XDG folders on macOS too: runs, locks and credentials' fingerprints stay where they were."""
    if sys.platform == "win32":
        from platformdirs.windows import Windows

        return Windows(APP, appauthor=False)
    from platformdirs.unix import Unix

    return Unix(APP)
