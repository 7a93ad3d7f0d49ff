"""Two applies of one inventory at the same time, each in its own process: one works, the other leaves or waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
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
        try:
            yield
        finally:
            lab.terminate()
            lab.communicate(timeout=60)


def both(rehearsal: Rehearsal, *more: str) -> list[tuple[int, str]]:
    """Exit codes and talk of two applies that begin together."""
    words = ("apply", "--lab", "--auto-approve", str(rehearsal.file), *more)
    with started(rehearsal.folder, *words) as one, started(rehearsal.folder, *words) as other:
        said = [process.communicate(timeout=300)[1] for process in (one, other)]
    return sorted(zip((one.returncode, other.returncode), said, strict=True))


def events_of_the_witness(rehearsal: Rehearsal) -> int:
    status = json.loads(rehearsal.run("lab", "status", str(rehearsal.file), "--format", "json").out)
    return int(status["coverage"]["events"])


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


def test_an_upgrade_that_the_server_goes_on_with_after_its_apply_was_killed_is_waited_for(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "demo.yml")
    waived = ("--waive", "coverage=some organizations of the demo have one proxy")
    with served(rehearsal):
        assert rehearsal.apply().code == 0
        for switch in ("build=8.5.0.2000", "install_seconds=12"):
            rehearsal.set("server", switch)
        words = ("apply", "--lab", "--auto-approve", str(rehearsal.file), *waived)
        with started(rehearsal.folder, *words) as first:
            assert first.stderr
            while "upgrade px-dmz-1 to" not in (line := first.stderr.readline()):
                assert line, "it ended before that"
            before = events_of_the_witness(rehearsal)
            for _ in range(50):  # until the server has begun, if it had not before that
                if events_of_the_witness(rehearsal) != before:
                    break
                time.sleep(0.1)
            first.kill()
        second = rehearsal.apply("--target", "proxy.px-dmz-1")
        assert second.code == 0, second.out + second.err
        assert "an upgrade may be in progress: waiting up to 600 s for its result" in second.err
        assert "an earlier apply began it" in second.out + second.err
        rehearsal.set("server", "install_seconds=0")
        assert rehearsal.apply(*waived).code == 0
        assert rehearsal.plan()["changes"] == []
