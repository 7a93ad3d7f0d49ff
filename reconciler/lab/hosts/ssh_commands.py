"""A command of an SSH host, from its start to its exit code: with pipes, or in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncssh

from reconciler.lab.hosts.terminal import Terminal

_CHUNK: Final = 65536
_LEFT_BEHIND: Final = 1.0
"""Seconds for the rest of the output where what a command has started keeps its terminal."""

Process = asyncssh.SSHServerProcess[bytes]
Child = asyncio.subprocess.Process


@dataclass(frozen=True, slots=True)
class Start:
    """`running` are the commands of a lab, for its end."""

    line: Sequence[str]
    environment: Mapping[str, str]
    folder: Path | str
    running: set[Child]

    async def __call__(self, line: Sequence[str], streams: int, **environment: str) -> Child:
        """`streams` is what all three are."""
        child = await asyncio.create_subprocess_exec(
            *line,
            stdin=streams,
            stdout=streams,
            stderr=streams,
            env={**self.environment, **environment},
            cwd=self.folder,
            start_new_session=True,
        )
        self.running.add(child)
        return child


async def run(process: Process, start: Start) -> int:
    """The exit code; negative for the number of a signal."""
    child = await start(start.line, asyncio.subprocess.PIPE)
    feeding = asyncio.ensure_future(_feed(process, child))
    try:
        await asyncio.gather(_copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr))
        return await child.wait()
    finally:
        start.running.discard(child)
        await _end(feeding)


async def run_in_terminal(process: Process, start: Start) -> int:
    """The same with a terminal, which mixes output and error. A terminal ignores the end of input; if the
    client goes away, the command is hung up."""
    width, height, *_ = process.term_size
    with Terminal(width, height) as terminal:
        child = await start(terminal.taken_by(start.line), terminal.slave, TERM=process.term_type or "dumb")
        terminal.started()
        feeding = asyncio.ensure_future(_type(process, child, terminal))
        showing = asyncio.ensure_future(_show(terminal, process.stdout))
        try:
            code = await child.wait()
            await asyncio.wait([showing], timeout=_LEFT_BEHIND)
            return code
        finally:
            start.running.discard(child)
            await _end(feeding, showing)


async def _end(*tasks: asyncio.Future[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def send_signal(child: Child, number: signal.Signals) -> None:
    """Send a signal to a command and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


async def _hear(
    process: Process, child: Child, take: Callable[[bytes], Awaitable[Any]], resize: Callable[[int, int], None]
) -> bool:
    """Give what the client sends to the command, until it sends no more. False if the client went away."""
    while True:
        try:
            data = await process.stdin.read(_CHUNK)
        except asyncssh.TerminalSizeChanged as change:
            resize(change.width, change.height)
        except asyncssh.SignalReceived as received:
            if number := getattr(signal, f"SIG{received.signal}", None):
                send_signal(child, number)
        except asyncssh.BreakReceived:
            continue
        except (asyncssh.Error, OSError):
            return False
        else:
            if not data:
                return True
            await take(data)


async def _feed(process: Process, child: Child) -> None:
    """Standard input of a command, up to its end or until the command reads no more."""
    stdin = child.stdin
    if stdin is None:
        return

    async def take(data: bytes) -> None:
        stdin.write(data)
        await stdin.drain()

    with contextlib.suppress(OSError):
        await _hear(process, child, take, lambda _width, _height: None)
    stdin.close()


async def _type(process: Process, child: Child, terminal: Terminal) -> None:
    with contextlib.suppress(OSError):
        if not await _hear(process, child, terminal.write, terminal.resize):
            send_signal(child, signal.SIGHUP)


async def _copy(source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]) -> None:
    """Output of a command. A client that went away does not stop it."""
    if source is None:
        return
    while data := await source.read(_CHUNK):
        with contextlib.suppress(asyncssh.Error, OSError):
            sink.write(data)
            await sink.drain()


async def _show(terminal: Terminal, sink: asyncssh.SSHWriter[bytes]) -> None:
    while data := await terminal.read():
        with contextlib.suppress(asyncssh.Error, OSError):
            sink.write(data)
            await sink.drain()
