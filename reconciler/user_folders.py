"""Folders of this user for state and downloads. Folders that are created are private (0700)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.model.diagnostic import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from platformdirs.api import PlatformDirsABC

APP: Final = "vbo-reconcile"


def is_windows() -> bool:
    """Whether this workstation runs Windows."""
    return sys.platform == "win32"


def assignment(variable: str, value: str) -> str:
    """The line that sets an environment variable in the usual shell of this system."""
    return f"$env:{variable} = '{value}'" if is_windows() else f"export {variable}={value}"


class NoFolder(Diagnosed):
    """A folder that this account cannot have; `variable` names another one."""

    def __init__(self, detail: str, variable: str) -> None:
        folder = rf"C:\ProgramData\{APP}" if is_windows() else f"/var/lib/{APP}"
        fix = f"Name a folder that this account can write to and that is kept:\n  {assignment(variable, folder)}"
        super().__init__([Diagnostic("no-folder", "This account has no folder for its files", detail, fix)])


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/vbo-reconcile`, by default `~/.local/state/vbo-reconcile`; on Windows below %LOCALAPPDATA%.
    Raises NoFolder."""
    stated = _stated(environment, "XDG_STATE_HOME")
    return stated or _default(lambda platform: platform.user_state_path, "XDG_STATE_HOME")


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/vbo-reconcile`, by default `~/.cache/vbo-reconcile`; on Windows below %LOCALAPPDATA%.
    Raises NoFolder."""
    stated = _stated(environment, "XDG_CACHE_HOME")
    return stated or _default(lambda platform: platform.user_cache_path, "XDG_CACHE_HOME")


def own_folder(folder: Path) -> Path:
    """`private_folder` for one in the state folder. Raises NoFolder."""
    try:
        return private_folder(folder)
    except OSError as error:
        raise NoFolder(f"{folder}: {error.strerror}.", "XDG_STATE_HOME") from error


def private_folder(folder: Path) -> Path:
    """Create `folder` and its missing parents, accessible to this user only. Raises OSError."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def expanded(path: Path | str) -> Path:
    """`path` with its leading `~` or `~USER` replaced. Raises OSError where the system knows no such home, as of an
    account of a container that has a number and no name."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        reason = f"the system knows no home for {Path(path).parts[0]}"
        raise FileNotFoundError(errno.ENOENT, reason, str(path)) from error


def _stated(environment: Mapping[str, str], variable: str) -> Path | None:
    """A relative path is ignored, as the XDG specification requires."""
    path = Path(environment.get(variable, ""))
    return path / APP if path.is_absolute() else None


def _default(find: Callable[[PlatformDirsABC], Path], variable: str) -> Path:
    """The folder below the home of this account, which containers may not have. Raises NoFolder."""
    try:
        return find(_platform())
    except RuntimeError as error:
        raise NoFolder("HOME is not set, and the system knows no home of this account.", variable) from error


def _platform() -> PlatformDirsABC:
    """The XDG folders on macOS too: runs, locks and credentials' fingerprints stay where they were."""
    if sys.platform == "win32":
        from platformdirs.windows import Windows

        return Windows(APP, appauthor=False)
    from platformdirs.unix import Unix

    return Unix(APP)
