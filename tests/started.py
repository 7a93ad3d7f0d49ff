"""Processes of the program that cost a tenth of a start: each is forked from one that has imported it.

Such a process has its own streams, environment, folder and signals, as `python -m reconciler` has. What only the start
of the interpreter does is missing: no `PYTHON…` variable is read, modules are there already and are found below this
checkout, and the list of processes shows another command line. What modules do at the exit comes after what the program
does. Tests of these have real processes, and `tests/cli/test_started.py` holds both to the same answers.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from types import FunctionType
from typing import IO, Final

ROOT: Final = Path(__file__).parents[1]
MAIN: Final = "from reconciler.cli import main; main()"
_WARM: Final = (
    *("asyncssh", "httpx", "jsonschema_rs", "pytest", "rich.console", "sqlalchemy", "yaml"),
    *("reconciler.cli.boundary", "reconciler.cli.plan", "reconciler.cli.apply", "reconciler.cli.diff"),
    *("reconciler.inventory", "reconciler.lab.lab", "reconciler.observe", "reconciler.operations.session"),
)
"""What takes its time to be imported."""
_MOST: Final = 1 << 17
_LONG: Final = 120.0
"""Seconds after which a process that has not ended has a defect."""


@dataclass
class Started:
    """A process that runs, or has run."""

    pid: int
    _answers: socket.socket
    _code: int | None = None

    def wait(self, timeout: float = _LONG) -> int:
        """Its exit code, negative for a signal that ended it."""
        if self._code is None:
            self._answers.settimeout(timeout)
            self._code = os.waitstatus_to_exitcode(int(self._answers.recv(64)))
            self._answers.close()
        return self._code

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        with suppress(BlockingIOError):
            self.wait(0)
        return self._code

    def send_signal(self, number: int) -> None:
        """Nothing, if it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
        self.wait()


@dataclass
class Piped(Started):
    """A process whose output is read while it runs."""

    stdout: IO[str] = field(default_factory=io.StringIO)
    stderr: IO[str] = field(default_factory=io.StringIO)

    def communicate(self) -> tuple[str, str]:
        """The rest of what it writes, which is little."""
        self.wait()
        return self.stdout.read(), self.stderr.read()


def start(
    arguments: Sequence[str],
    streams: tuple[int, int, int],
    *,
    folder: Path,
    environment: Mapping[str, str],
    code: str = MAIN,
    has_terminal: bool = False,
) -> Started:
    """Start a process with these descriptors as its streams. With `has_terminal` they are the terminal that it has."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asked = [list(arguments), str(folder), dict(environment), code, has_terminal]
    with theirs:
        socket.send_fds(_starter(os.getpid()), [json.dumps(asked).encode()], [*streams, theirs.fileno()])
    return Started(int(ours.recv(64)), ours)


def run(
    *arguments: str, folder: Path, environment: Mapping[str, str], code: str = MAIN
) -> subprocess.CompletedProcess[str]:
    """Run a command line without input to its end."""
    with Path(os.devnull).open() as nothing, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        streams = nothing.fileno(), out.fileno(), err.fileno()
        ended = start(arguments, streams, folder=folder, environment=environment, code=code).wait()
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(arguments, ended, out.read(), err.read())


@contextmanager
def piped(*arguments: str, folder: Path, environment: Mapping[str, str], code: str = MAIN) -> Iterator[Piped]:
    (out, into_out), (err, into_err) = os.pipe(), os.pipe()
    with os.fdopen(out) as stdout, os.fdopen(err) as stderr, Path(os.devnull).open() as nothing:
        streams = nothing.fileno(), into_out, into_err
        process = start(arguments, streams, folder=folder, environment=environment, code=code)
        os.close(into_out)
        os.close(into_err)
        running = Piped(process.pid, process._answers, stdout=stdout, stderr=stderr)
        try:
            yield running
        finally:
            running.kill()


@cache
def _starter(_: int) -> socket.socket:
    """The way to the process that forks, one for each process of tests. It ends when this way is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.started", str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    atexit.register(_end, ours, process)
    return ours


def _end(way: socket.socket, process: subprocess.Popen[bytes]) -> None:
    way.close()
    process.wait()


def _serve(way: socket.socket) -> None:
    """Fork for each request, and return in the process that was asked for; another one waits for its end."""
    for name in _WARM:
        import_module(name)
    gc.collect()
    gc.freeze()
    while True:
        data, streams, _, _ = socket.recv_fds(way, _MOST, 4)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            way.close()
            program = os.fork()
            if program == 0:
                _become(streams, *json.loads(data))
                return
            _wait(program, streams)
        for stream in streams:
            os.close(stream)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _wait(program: int, streams: Sequence[int]) -> None:
    for stream in streams[:3]:
        os.close(stream)
    with socket.socket(fileno=streams[3]) as answers, suppress(BrokenPipeError):
        answers.send(str(program).encode())
        answers.send(str(os.waitpid(program, 0)[1]).encode())
    os._exit(0)


def _become(
    streams: Sequence[int],
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    code: str,
    has_terminal: bool,
) -> None:
    """What the interpreter does at its start."""
    for number, stream in enumerate(streams):
        if number < 3:
            os.dup2(stream, number)
        os.close(stream)
    if has_terminal:  # questions for passwords open /dev/tty, and Ctrl-C goes to those whose terminal it is
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    given = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "")
    if not given:
        os.environ["LC_CTYPE"] = "C.UTF-8"  # PEP 538
    time.tzset()
    sys.argv = ["-c", *arguments]
    errors = "strict" if given.partition(".")[0] not in ("", "C", "POSIX") else "surrogateescape"
    sys.stdin, sys.stdout, sys.stderr = _text(0, errors), _text(1, errors), _text(2, "backslashreplace")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    _program.append(code)


def _text(number: int, errors: str) -> io.TextIOWrapper:
    mode = "r" if number == 0 else "w"
    by_lines = 1 if number == 2 or os.isatty(number) else -1
    stream = os.fdopen(number, mode, encoding="utf-8", errors=errors, buffering=by_lines, closefd=False)
    assert isinstance(stream, io.TextIOWrapper)
    return stream


_program: list[str] = []

if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    FunctionType(compile(_program[0], "<string>", "exec"), {"__name__": "__main__"})()
