"""Planted secrets appear in no output, no file and no list of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix

NAMES = ("VBO_PASSWORD", "VBO_WINRM_PASSWORD", "CORP_PASSWORD", "DMZ_PASSWORD", "SMTP_PASSWORD")
CANARIES = {name: f"Canary-{number}-{name.lower()}-9Xq" for number, name in enumerate(NAMES)}


def watch_processes(stop: threading.Event, seen: set[str]) -> None:
    """Collect the command lines of everything that runs."""
    while not stop.wait(0.01):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    seen.add((entry / "cmdline").read_bytes().decode(errors="replace"))
                except OSError:
                    continue


def test_no_secret_is_told(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "demo.yml")
    environment = {**os.environ, **CANARIES, "XDG_STATE_HOME": str(tmp_path / "state")}
    environment.pop("PYTEST_CURRENT_TEST", None)
    stop, seen = threading.Event(), set[str]()
    watcher = threading.Thread(target=watch_processes, args=(stop, seen))
    watcher.start()
    outputs = []
    try:
        for words in (["plan", "--lab", "--format", "json"], ["apply", "--lab", "--auto-approve", "--verbose"]):
            command = [sys.executable, "-m", "reconciler", words[0], str(rehearsal.file), *words[1:]]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
            assert ended.returncode == 0, ended.stderr
            outputs.append(ended.stdout + ended.stderr)
    finally:
        stop.set()
        watcher.join()
    files = [file for file in (tmp_path / "state").rglob("*") if file.is_file()]
    answer = {str(file): file.read_bytes().decode(errors="replace") for file in files}
    assert answer
    for canary in CANARIES.values():
        assert not [text for text in outputs if canary in text]
        assert not [name for name, text in answer.items() if canary in text]
        assert not [line for line in seen if canary in line]
    assert not [
        file for file in files if file.stat().st_mode & 0o077 and not file.is_relative_to(root_of_hosts(tmp_path))
    ]


def root_of_hosts(folder: Path) -> Path:
    """Linux hosts have root folders, whose files have the modes that they have on such a host."""
    return folder / "state" / "vbo-reconcile" / "lab" / "demo" / "hosts"
