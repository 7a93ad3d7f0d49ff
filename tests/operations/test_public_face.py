"""What `reconciler.operations` exports, and what it does not load."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reconciler.operations as face
from reconciler.operations import Status

PROBE = """
import json, sys
import reconciler.operations
before = sorted(sys.modules)
from reconciler.operations import *
print(json.dumps([before, sorted(sys.modules)]))
"""


def test_every_exported_name_exists() -> None:
    assert len(face.__all__) == len(set(face.__all__))
    assert [name for name in face.__all__ if getattr(face, name, None) is None] == []
    assert not hasattr(face, "missing")


def test_it_loads_neither_the_command_line_nor_what_is_not_used() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    before, after = json.loads(ended.stdout)
    assert [name for name in before if name.startswith("reconciler.operations.")] == []
    loaded = {name.partition(".")[0] for name in after}
    assert loaded & {"click", "httpx", "paramiko", "winrm", "sqlalchemy", "rich", "yaml"} == set()
    assert not {name for name in after if name.startswith(("reconciler.cli.", "reconciler.lab."))}


def test_statuses_are_the_exit_codes() -> None:
    assert {item.name: int(item) for item in Status} == {
        "OK": 0,
        "ERROR": 1,
        "PENDING": 2,
        "PARTIAL": 3,
        "REFUSED": 4,
        "STALE": 5,
        "LOCKED": 6,
        "INTERRUPTED": 130,
    }


@pytest.mark.matrix
def test_the_program_in_the_readme_applies_the_demo(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    (program,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    *changes, last = ended.stdout.splitlines()
    assert "create proxy.px-lon-1" in {line.partition(" [")[0] for line in changes}
    assert last.startswith("OK ")
    assert ended.stderr == ""


def test_the_readme_names_every_function() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Use from Python") :].split("\n## ")[0]
    functions = [name for name in face.__all__ if name.islower()]
    assert [name for name in functions if not re.search(rf"\b{name}\b", section)] == []
