"""Two applies of one inventory at the same time, each in its own process: one works, the other leaves or waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix


@contextmanager
def started(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    environment = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "reconciler", *words]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process


@contextmanager
def served(rehearsal: Rehearsal) -> Iterator[None]:
    with started(rehearsal.folder, "lab", "serve", "--format", "json", str(rehearsal.file)) as lab:
        assert lab.stdout
        assert json.loads(lab.stdout.readline())["url"]
        yield
        lab.terminate()
        lab.communicate(timeout=60)


def both(rehearsal: Rehearsal, *more: str) -> list[tuple[int, str]]:
    """Exit codes and talk of two applies that begin together."""
    words = ("apply", "--lab", "--auto-approve", str(rehearsal.file), *more)
    with started(rehearsal.folder, *words) as one, started(rehearsal.folder, *words) as other:
        said = [process.communicate(timeout=300)[1] for process in (one, other)]
    return sorted(zip((one.returncode, other.returncode), said, strict=True))


def test_the_second_one_leaves_with_6(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "demo.yml")
    with served(rehearsal):
        (code, said), (other, refused) = both(rehearsal)
        assert (code, other) == (0, 6), said + refused
        assert "is locked by" in refused
        assert rehearsal.plan()["changes"] == []


def test_the_second_one_waits_and_finds_nothing_to_do(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "demo.yml")
    with served(rehearsal):
        ends = both(rehearsal, "--lock-wait", "200")
        assert [code for code, _ in ends] == [0, 0], ends
        assert sum("Waiting for" in said for _, said in ends) == 1
        listed = rehearsal.run("runs", "list", "--lab", "--inventory", str(rehearsal.file), "--format", "json")
        (run,) = json.loads(listed.out)["runs"]  # who waited had nothing to write down
        assert run["state"] == "done"
        assert datetime.fromisoformat(run["ended"]) > datetime.fromisoformat(run["started"])
