"""Shells and their commands. Each command runs in a separate thread; requests read its output and feed its input."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Final, Protocol

log = logging.getLogger(__name__)
_GRACE: Final = 5.0


class Program(Protocol):
    """What a host does with a command line. Returns the exit code."""

    def __call__(self, command: Command) -> int: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of output: `stream` is stdout or stderr."""

    stream: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Output:
    """What one Receive gives. `exit_code` is None as long as the command runs."""

    chunks: tuple[Chunk, ...]
    exit_code: int | None


class Command:
    """A command line on its way: `line` with its `arguments`, run for `owner` with the environment of the shell."""

    def __init__(self, ident: str, owner: str, line: str, arguments: tuple[str, ...], *, through_cmd: bool) -> None:
        self.ident = ident
        self.owner = owner
        self.line = line
        self.arguments = arguments
        self.through_cmd = through_cmd
        self.exit_code: int | None = None
        self._changed = Condition()
        self._output: deque[Chunk] = deque()
        self._input = bytearray()
        self._input_ended = False
        self._cancelled = False
        self._thread: Thread | None = None

    # For the program

    @property
    def text(self) -> str:
        """The whole command line. Clients differ in how they cut it into arguments."""
        return " ".join([self.line, *self.arguments])

    def write(self, stream: str, data: bytes) -> None:
        with self._changed:
            self._output.append(Chunk(stream, data))
            self._changed.notify_all()

    def read_all(self) -> bytes:
        """Standard input, once all of it is there."""
        with self._changed:
            self._changed.wait_for(lambda: self._input_ended or self._cancelled)
            return bytes(self._input)

    def sleep(self, duration: float) -> bool:
        """Wait; True where the command was cancelled meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: self._cancelled, duration)

    # For the engine

    def start(self, program: Program) -> None:
        self._thread = Thread(target=self._run, args=(program,), name="lab-command", daemon=True)
        self._thread.start()

    def _run(self, program: Program) -> None:
        try:
            code = program(self)
        except Exception as error:  # a program that breaks must not let its client wait for ever
            log.exception("a program of the lab broke")
            self.write("stderr", f"lab: {error!r}\r\n".encode())
            code = 255
        with self._changed:
            self.exit_code = code
            self._changed.notify_all()

    def feed(self, data: bytes, *, end: bool) -> None:
        with self._changed:
            self._input += data
            self._input_ended |= end
            self._changed.notify_all()

    def cancel(self) -> None:
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(_GRACE)

    def receive(self, timeout: float, room: int) -> Output | None:
        """Output of at most `room` bytes; None where nothing came within `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._output or self.exit_code is not None, timeout):
                return None
            taken: list[Chunk] = []
            while self._output and room > 0:
                chunk = self._output.popleft()
                if len(chunk.data) > room:
                    self._output.appendleft(Chunk(chunk.stream, chunk.data[room:]))
                    chunk = Chunk(chunk.stream, chunk.data[:room])
                room -= len(chunk.data)
                taken.append(chunk)
            return Output(tuple(taken), None if self._output else self.exit_code)


@dataclass(slots=True)
class Shell:
    """A remote shell: it belongs to the account that created it."""

    ident: str
    owner: str
    environment: tuple[tuple[str, str], ...]
    directory: str
    idle: float
    streams: tuple[str, str]
    commands: dict[str, Command] = field(default_factory=dict)

    def close(self, wait: Callable[[Command], None] = Command.cancel) -> None:
        for command in self.commands.values():
            wait(command)
