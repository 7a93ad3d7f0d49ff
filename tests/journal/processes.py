"""Starting the contenders as separate processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def contender(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A running `tests.journal.contender`; killed with SIGKILL at the end of the block if it still runs."""
    command = [sys.executable, "-m", "tests.journal.contender", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What it says, line by line."""
    assert process.stdout is not None
    return (line.rstrip("\n") for line in process.stdout)
