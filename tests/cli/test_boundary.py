"""Errors become words and exit codes; no traceback reaches anybody."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.errors import SecretError, Unreachable
from reconciler.model.position import Position
from reconciler.operations import inventory_loader
from tests.cli.running import Ended, call
from tests.started import piped


def fail(monkeypatch: pytest.MonkeyPatch, error: BaseException, *more: str, **environment: str) -> Ended:
    """`plan` where reading the inventory raises `error`."""

    def read(path: Path, **options: object) -> None:
        raise error

    monkeypatch.setattr(inventory_loader, "read_inventory", read)
    return call("plan", "x.yml", *more, environment=environment)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Unreachable("vbo01", "connecting", "refused", hint="Start it."),
            ["No connection", "refused", "Fix: Start it."],
        ),
        (SecretError("secret://env/X: not set"), ["Secret cannot be resolved", "secret://env/X: not set"]),
        (Diagnosed([Diagnostic("c", "Wrong word", "It is wrong.", position=Position("a.yml", 3, 4))]), ["a.yml:3:4"]),
        (OSError(errno.ENOSPC, "No space left on device", "plan.json"), ["plan.json: No space left on device"]),
    ],
)
def test_foreseen_errors_are_1(monkeypatch: pytest.MonkeyPatch, error: Exception, said: list[str]) -> None:
    ended = fail(monkeypatch, error)
    assert ended.code == 1
    assert all(words in ended.err for words in said)
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_errors_are_json_where_a_program_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = fail(monkeypatch, Unreachable("vbo01", "connecting", "refused"), "--format", "json")
    assert ended.code == 1
    data = json.loads(ended.out)
    assert data["ok"] is False
    assert data["diagnostics"][0]["code"] == "unreachable"


def test_a_bug_is_called_one_and_kept_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ended = fail(monkeypatch, ZeroDivisionError("in the middle"), XDG_STATE_HOME=str(tmp_path))
    assert ended.code == 1
    assert "This is a bug in vbo-reconcile" in ended.err
    assert "Traceback" not in ended.err
    (file,) = (tmp_path / "vbo-reconcile" / "crashes").iterdir()
    assert str(file) in ended.err
    assert "ZeroDivisionError: in the middle" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_time_out_of_our_own_is_no_answer_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "This is a bug in vbo-reconcile" in fail(monkeypatch, TimeoutError(), XDG_STATE_HOME="/dev/null/x").err


def test_a_bug_without_a_place_to_write_is_still_no_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "vbo-reconcile").write_text("in the way", encoding="utf-8")
    ended = fail(monkeypatch, RecursionError(), XDG_STATE_HOME=str(tmp_path))
    assert ended.code == 1
    assert "could not be written" in ended.err


def test_control_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = fail(monkeypatch, KeyboardInterrupt())
    assert (ended.code, ended.out, ended.err) == (130, "", "\nInterrupted.\n")


SLEEPER = """
import sys, time
from reconciler.operations import inventory_loader
from reconciler.cli.boundary import run
def read(path, **options):
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    time.sleep(30)
inventory_loader.read_inventory = read
sys.exit(run(["plan", "x.yml"]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_in_order(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with piped(folder=tmp_path, environment=os.environ, code=SLEEPER) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(timeout=20) == code
        assert process.stderr.read() == "\nInterrupted.\n"


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_a_reader_that_goes_away_is_no_error_message(arguments: list[str]) -> None:
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            stdout=writing_end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing_end)
    assert ended.stderr == ""
    assert ended.returncode == 141


def test_closed_streams_are_survived() -> None:
    """Started as `vbo-reconcile --version >&-`."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m reconciler completion zsh >&-'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
