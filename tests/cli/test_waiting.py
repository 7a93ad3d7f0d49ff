"""A server that takes a connection and never answers: the command says what it waits for, and can be interrupted."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer

import pytest

from reconciler.cli.console import Console
from reconciler.cli.interrupts import Interrupts
from reconciler.model.waiting import Waiting
from reconciler.observe.workers import workers
from reconciler.render.waiting import LogLine
from reconciler.waits import result
from tests.started import start

pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")


@pytest.fixture
def silent() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def inventory(folder: Path, port: int) -> Path:
    file = folder / "inventory.yml"
    file.write_text(
        f"""\
version: 1
name: silent
server:
  host: 127.0.0.1
  port: {port}
  credentials: administrator
  tls: {{fingerprint: "sha256:{"ab" * 32}"}}
credentials:
  administrator: {{username: administrator, password: secret://env/PASSWORD}}
""",
        "utf-8",
    )
    return file


def read_until(place: int, text: bytes) -> bytes:
    found = b""
    while text not in found:
        found += os.read(place, 4096)
    return found


OTHERS = ("apply --auto-approve", "explain smtp", "jobs list", "smtp test", "import --stdout --from")


@pytest.mark.parametrize(
    "command", ["plan", "drift", "doctor", *(pytest.param(line, marks=pytest.mark.matrix) for line in OTHERS)]
)
def test_a_command_says_what_it_waits_for_and_ends_at_an_interrupt(tmp_path: Path, silent: int, command: str) -> None:
    ours, theirs = pty.openpty()
    line = [*command.split(), str(inventory(tmp_path, silent))]
    environment = {**os.environ, "PASSWORD": "secret", "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path), "CI": ""}
    process = start(line, (theirs, theirs, theirs), folder=tmp_path, environment=environment)
    try:
        os.close(theirs)
        read_until(ours, b"127.0.0.1")
        process.send_signal(signal.SIGINT)
        rest = read_until(ours, b"Interrupted.")
        assert process.wait(30) == 130  # the server would be awaited for longer
    finally:
        process.kill()
    os.close(ours)
    assert re.search(rb"\r +\r\r\nInterrupted\.", rest)  # the line is gone, and the cursor was never hidden
    assert b"\x1b[?25" not in rest
    assert b"Traceback" not in rest


def on_a_terminal(tmp_path: Path, program: str, *arguments: str) -> bytes:
    """What a program writes that runs a command line on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path), "CI": ""}
    process = start(arguments, (theirs, theirs, theirs), folder=tmp_path, environment=environment, code=program)
    os.close(theirs)
    found = b""
    with suppress(OSError):  # EIO: it has ended
        while data := os.read(ours, 4096):
            found += data
    process.wait(30)
    os.close(ours)
    return found


SLOW = """
import sys
from threading import Event
from reconciler.cli import boundary, group
from reconciler.render import waiting

class Seen(waiting.TerminalLine):
    def paint(self, text):
        super().paint(text)
        seen.set()

seen, waiting.TerminalLine = Event(), Seen
take = group.import_module

def slowly(name):
    shows = name == "reconciler.cli.validate" and not group._shows_no_progress(sys.argv[1:])
    assert seen.wait(30) or not shows
    return take(name)

group.import_module = slowly
sys.exit(boundary.run(sys.argv[1:]))
"""


def test_a_command_says_that_it_starts_before_its_code_is_read(tmp_path: Path) -> None:
    found = on_a_terminal(tmp_path, SLOW, "validate", str(tmp_path / "none.yml"))
    assert re.match(rb"\r\S+   0 s  Starting", re.sub(rb"\x1b\[[0-9;]*m", b"", found))
    assert re.search(rb"\r {15,}\r\x1b\[31m", found)  # the line goes before the error comes


@pytest.mark.parametrize("arguments", [["validate", "--help"], ["schema"], ["completion", "bash"]])
def test_a_text_that_is_asked_for_comes_alone(tmp_path: Path, arguments: list[str]) -> None:
    assert b"Starting" not in on_a_terminal(tmp_path, SLOW.replace("seen.wait(30)", "seen.wait(0.2)"), *arguments)


def _fail_in_a_pool(error: BaseException, futures: list[Future[bool]], go_on: Event) -> None:
    with workers(1, "test") as pool:
        futures += [pool.submit(go_on.wait, 60) for _ in range(2)]
        raise error


def test_an_interrupt_does_not_wait_for_threads() -> None:
    go_on = Event()
    futures: list[Future[bool]] = []
    with pytest.raises(KeyboardInterrupt):
        _fail_in_a_pool(KeyboardInterrupt(), futures, go_on)
    first, second = futures
    assert not first.done()
    assert second.cancelled()
    go_on.set()
    assert result(first)


def test_what_fails_waits_for_what_has_begun() -> None:
    go_on = Event()
    go_on.set()
    futures: list[Future[bool]] = []
    with pytest.raises(ValueError, match="refused"):
        _fail_in_a_pool(ValueError("refused"), futures, go_on)
    assert [future.done() for future in futures] == [True, True]


def test_a_command_ends_whatever_it_waits_for() -> None:
    left, late = Event(), Event()
    with Interrupts(leave=lambda _: left.set()) as interrupts:
        interrupts.late = late.set
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert left.wait(30)  # nothing has ended it in order
        assert late.is_set()


def test_a_command_that_ended_in_order_is_left_alone() -> None:
    left = Event()
    with Interrupts(leave=lambda _: left.set()) as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.ended()
        for thread in threading.enumerate():
            if isinstance(thread, Timer):
                thread.join(30)
        assert not left.is_set()


def test_a_log_gets_a_line_although_the_line_itself_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogLine, "after", 0.0)
    monkeypatch.setattr(LogLine, "again", 0.0)
    written = Event()

    class Log(io.StringIO):
        def flush(self) -> None:
            written.set()

    log = Log()
    console = Console(out=io.StringIO(), err=log, environment={})
    console.hear(Waiting("Reading vbo"))
    assert written.wait(30)
    console.report("Done.")
    console.hear(Waiting(""))
    assert {line.split("  ")[-1] for line in log.getvalue().splitlines()} == {"Reading vbo", "Done."}
