"""A terminal for a command of an SSH host, as sshd gives one to a client that asks for it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Sequence
from typing import Final, Self

_CHUNK: Final = 65536
_TAKE: Final = 'exec "$@" <>"$0" >&0 2>&1'
"""A session without a terminal that opens one is controlled by it."""


class Terminal:
    """A pair of ends: the command has `slave`, until `started`; what it prints is read from the other, and its input
    is written there. Use it in its event loop."""

    def __init__(self, width: int, height: int) -> None:
        self._master, self.slave = os.openpty()
        os.set_blocking(self._master, False)
        self.resize(width, height)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.started()
        os.close(self._master)

    def taken_by(self, command: Sequence[str]) -> Sequence[str]:
        """A command line that begins with this as its terminal."""
        return ("/bin/sh", "-c", _TAKE, os.ttyname(self.slave), *command)

    def started(self) -> None:
        """The command has its end: output ends where it closes it."""
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height or 24, width or 80, 0, 0))

    async def read(self) -> bytes:
        """What was printed, empty at the end."""
        while True:
            try:
                return os.read(self._master, _CHUNK)
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _ready(self._master, loop.add_reader, loop.remove_reader)
            except OSError:  # no one has the other end
                return b""

    async def write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _ready(self._master, loop.add_writer, loop.remove_writer)


async def _ready(end: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    ready = asyncio.Event()
    add(end, ready.set)
    try:
        await ready.wait()
    finally:
        remove(end)
