"""Processes by name: whether one is gone is said only if it is certain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.journal.process import is_gone, this_process


def test_this_process_runs() -> None:
    assert not is_gone(this_process())


def test_a_process_that_ended_is_gone() -> None:
    """Also before its parent asks for it."""
    script = "from reconciler.journal.process import this_process; print(this_process(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        name = child.stdout.read().strip()
        assert name.split(" ")[0] == this_process().split(" ")[0]
    assert is_gone(name)


@pytest.mark.parametrize("name", ["", " ", "a b c", "a 1 1", "a b c d"])
def test_what_is_no_name_of_this_machine_is_not_gone(name: str) -> None:
    assert not is_gone(name)


def test_a_system_that_shows_no_processes_names_none(tmp_path: Path) -> None:
    assert this_process(tmp_path) == ""
    assert not is_gone("/pid 1 1", tmp_path)


@pytest.mark.parametrize(
    ("stat", "gone"),
    [
        ("7 (a) b) S" + " 0" * 18 + " 55 0", False),
        ("7 (a) b) Z" + " 0" * 18 + " 55 0", True),
        ("7 (a) b) S" + " 0" * 18 + " 56 0", True),
        ("", True),
    ],
)
def test_the_name_of_a_program_may_hold_anything(tmp_path: Path, stat: str, gone: bool) -> None:
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("boot\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").symlink_to("pid:[1]")
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text(stat)
    assert is_gone("boot/pid:[1] 7 55", tmp_path) is gone
