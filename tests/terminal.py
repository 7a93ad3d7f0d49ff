"""A program in a pseudo-terminal of 80 columns, as a person uses it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.started import MAIN, Started, start

COLUMNS: Final = 80
_LONG: Final = 120.0
"""Seconds after which a program that says nothing more has a defect."""
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])")


@dataclass
class Terminal:
    """`text` is all that the program wrote, without colours."""

    program: Started
    line: int
    text: str = ""
    _seen: int = 0

    def expect(self, words: str) -> None:
        """Wait until the program writes this, however its lines are broken."""
        pattern = re.compile(r"[\s│]+".join(map(re.escape, words.split())))
        end = time.monotonic() + _LONG
        while not (found := pattern.search(self.text, self._seen)):
            assert time.monotonic() < end, self.text
            assert self._read(), f"it ended without {words!r}:\n{self.text}"
        self._seen = found.end()

    def type(self, text: str) -> None:
        os.write(self.line, text.encode())

    def answer(self, question: str, text: str = "") -> None:
        self.expect(question)
        self.type(f"{text}\n")

    def code(self) -> int:
        """The exit code, once it has ended."""
        while self._read():
            pass
        self.text = re.sub(r"[^\n]*\r", "", self.text)  # what a line was before it was written again
        return self.program.wait(_LONG)

    def _read(self) -> bool:
        """More of the text; false after the end."""
        if not select.select([self.line], [], [], _LONG)[0]:
            return False
        try:
            data = os.read(self.line, 65536)
        except OSError:  # EIO: no process has the other end open
            return False
        self.text += _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
        return bool(data)


@contextmanager
def terminal(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], code: str = MAIN
) -> Iterator[Terminal]:
    """Run a command line of the program in `folder`. It is ended at the end, if it has not."""
    line, other = os.openpty()
    try:
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        environment = {"TERM": "xterm", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment}
        streams = other, other, other
        program = start(arguments, streams, folder=folder, environment=environment, code=code, has_terminal=True)
    finally:
        os.close(other)
    try:
        yield Terminal(program, line)
    finally:
        program.kill()
        os.close(line)
