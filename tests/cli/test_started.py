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
    [("validate", SMALL), ("plan", "nothing.yml"), ("nonsense",), ("graph", SMALL), ("validate", "-")],
    ids=lambda arguments: f"{arguments[0]} {Path(arguments[-1]).name}",
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


STATE = """
import gc, locale, os, resource, signal, sys, threading, time, warnings
streams = sys.stdin, sys.stdout, sys.stderr
for stated in (
    sys.argv, os.getcwd(), sorted(os.environ.items()), time.tzname, os.umask(0), os.nice(0), os.getpgrp(),
    [(number, str(signal.getsignal(number))) for number in sorted(signal.valid_signals())],
    [line for line in open("/proc/self/status") if line.startswith(("SigB", "SigC", "SigI", "Threads:", "Uid:"))],
    [(name, resource.getrlimit(getattr(resource, name))) for name in dir(resource) if name.startswith("RLIMIT_")],
    sorted(os.listdir("/proc/self/fd")), threading.enumerate()[1:], locale.setlocale(locale.LC_ALL),
    sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getrecursionlimit(), gc.isenabled(),
    [(stream.encoding, stream.errors, stream.line_buffering, stream.isatty(), stream.mode) for stream in streams],
    [sys.__stdin__ is sys.stdin, sys.__stdout__ is sys.stdout, sys.__stderr__ is sys.stderr],
    [sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__],
    sys.warnoptions, [entry[:3] for entry in warnings.filters],
):
    print(stated)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc")
@pytest.mark.parametrize("language", [{}, {"LANG": "C.UTF-8"}, {"LANG": "C", "LC_ALL": "C.UTF-8"}], ids=str)
def test_both_ways_have_the_same(language: dict[str, str], tmp_path: Path) -> None:
    """Streams, signals, limits, descriptors, threads, locale: all that a process starts with."""
    given = {**environment(tmp_path), **language}
    started = subprocess.run(
        [sys.executable, "-c", STATE, "a", "b"],
        cwd=tmp_path,
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    forked = run("a", "b", folder=tmp_path, environment=given, code=STATE)
    assert forked.stdout.splitlines() == started.stdout.splitlines()
    assert (forked.returncode, forked.stderr) == (0, "")


def test_it_has_what_it_was_given(tmp_path: Path) -> None:
    code = "import os, sys, time; print(sys.argv[1:], os.getcwd(), sorted(os.environ), time.tzname); sys.exit('no')"
    ended = run("a", "b", folder=tmp_path, environment=environment(tmp_path), code=code)
    assert (ended.returncode, ended.stderr) == (1, "no\n")
    names = ["HOME", "LC_CTYPE", "PATH", "TZ", "XDG_STATE_HOME"]
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
