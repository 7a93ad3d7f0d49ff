"""Processes that are forked, as most tests of whole command lines have them, answer as those that are started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.package_data import package_data
from tests.started import ROOT, run, start

SMALL = str(package_data("inventories", "small.yml"))


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "TZ": "Asia/Tokyo",
    }


@pytest.mark.parametrize(
    "arguments",
    [("validate", SMALL), ("plan", "nothing.yml"), ("nonsense",), ("graph", SMALL)],
    ids=lambda arguments: arguments[0],
)
def test_both_ways_give_the_same(arguments: tuple[str, ...], tmp_path: Path) -> None:
    given = {**environment(tmp_path), "PYTHONPATH": str(ROOT)}
    started = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    forked = run(*arguments, folder=tmp_path, environment=given)
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)
    assert started.stdout + started.stderr


def test_it_has_what_it_was_given(tmp_path: Path) -> None:
    code = "import os, sys, time; print(sys.argv[1:], os.getcwd(), sorted(os.environ), time.tzname); sys.exit('no')"
    ended = run("a", "b", folder=tmp_path, environment=environment(tmp_path), code=code)
    assert (ended.returncode, ended.stderr) == (1, "no\n")
    names = ["HOME", "PATH", "TZ", "XDG_STATE_HOME"]
    assert ended.stdout == f"{['a', 'b']} {tmp_path} {names} {('JST', 'JST')}\n"


def test_a_signal_ends_it(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    code = "import time; print('ready', flush=True); time.sleep(60)"
    with Path(os.devnull).open() as nothing, os.fdopen(reading) as said:
        streams = nothing.fileno(), writing, writing
        process = start((), streams, folder=tmp_path, environment=environment(tmp_path), code=code)
        os.close(writing)
        assert said.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
