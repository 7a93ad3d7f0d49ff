"""The scripts of CI are right for the shell that runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.programs import shellcheck

FOLDER = Path(__file__).parents[2] / ".ci"
SCRIPTS = sorted(path.name for path in FOLDER.iterdir() if path.read_bytes().startswith(b"#!"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_pass_shellcheck(name: str) -> None:
    done = subprocess.run([shellcheck(), FOLDER / name], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
