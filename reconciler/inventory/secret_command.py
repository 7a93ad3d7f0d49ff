"""Runs a program that prints a secret: no shell, no input, a deadline, and nothing of what it says in any message."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

MAX_OUTPUT: Final = 1024 * 1024


BY_HAND: Final = "Run it by hand: what it says is not shown here, since it may hold the secret."


class CommandFailed(Exception):
    """Why the secret is not available; never quotes the program's output. `status` is its exit code, if it has one."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


def run(command: Sequence[str], folder: Path, deadline: float) -> bytes:
    """What the program writes to standard output. Raises CommandFailed."""
    program = Path(command[0]).name
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "its name cannot be used").lower()
        raise CommandFailed(f"{program} cannot be started: {reason}") from None
    with process:
        try:
            output, _ = process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{program} did not end within {deadline:g} seconds") from None
        finally:
            _end(process)
    if process.returncode != 0:
        hint = "run it yourself to see why"
        raise CommandFailed(f"{program} ended with exit code {process.returncode}; {hint}", process.returncode)
    if len(output) > MAX_OUTPUT:
        raise CommandFailed(f"{program} printed more than 1 MB, which no secret is")
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started, which might keep our end of the pipe waiting."""
    if process.poll() is not None and os.name != "posix":
        return
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
