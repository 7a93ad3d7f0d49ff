"""Every command of the README's shell blocks, in their order, in the lab and on the README's own inventory."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reconciler.cli.root import COMMANDS
from tests.cli.running import call

TEXT = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines() if line.strip()]
ELSEWHERE = ("lab serve", " fleet.yml")
"""What runs until it is interrupted, which tests of the lab start, and what takes a fleet, which its own tests run."""


def arguments(line: str) -> list[str]:
    return shlex.split(line, comments=True)[1:]


def test_shell_blocks_hold_nothing_else() -> None:
    assert len(LINES) > 10
    assert [line for line in LINES if not line.startswith("vbo-reconcile ")] == []
    assert [line for line in LINES if arguments(line)[0] not in COMMANDS] == []


@pytest.mark.matrix
def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader pastes them one after the other; each exits with 0, or with what its comment says."""
    monkeypatch.chdir(tmp_path)
    (inventory,) = re.findall(r"```yaml\n(# yaml-language-server.*?)```", TEXT, re.DOTALL)
    Path("corp.yml").write_text(inventory, encoding="utf-8")
    monkeypatch.setenv("VBO_RECONCILE_LAB", "1")
    environment = {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TERM": "dumb",
        "PATH": "/usr/bin:/bin",
    }
    for line in LINES:
        if any(words in line for words in ELSEWHERE):
            continue
        done = call(*arguments(line), environment=environment)
        expected = re.search(r"# .*exit code (\d+):", line)
        assert done.code == (int(expected[1]) if expected else 0), f"{line}\n{done.out}\n{done.err}"


def test_indented_commands_are_of_make_or_known() -> None:
    """What stands outside of shell blocks names commands and options that exist."""
    named = re.findall(r"`vbo-reconcile ([a-z-]+)", TEXT)
    assert {name for name in named if name not in COMMANDS} == set()
