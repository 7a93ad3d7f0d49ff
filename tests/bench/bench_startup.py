"""How long `--version` takes, beside a bare interpreter and pyinfra in the same run.

    python -m tests.bench.bench_startup

The aim: at most half of `pyinfra --version`. Where pyinfra is not installed its share is estimated from the bare
interpreter: on a machine where that takes 9 ms, pyinfra took 285 ms and black 114 ms.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 15
PYINFRA_TO_BARE = 285 / 9
"""Ratio of `pyinfra --version` to `python -c pass`, measured on one machine."""


def milliseconds(command: Sequence[str], rounds: int = ROUNDS) -> float:
    """Median of the wall-clock times of `command`, after one run that warms the caches."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[1:])


def script() -> list[str]:
    """The console script beside this interpreter, as users call it; the module where it is not installed."""
    installed = Path(sys.executable).parent / "vbo-reconcile"
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "reconciler"]


def main() -> int:
    bare = milliseconds([sys.executable, "-c", "pass"])
    ours = milliseconds([*script(), "--version"])
    pyinfra = shutil.which("pyinfra")
    peer = milliseconds([pyinfra, "--version"]) if pyinfra else bare * PYINFRA_TO_BARE
    note = "" if pyinfra else " (estimated: not installed)"
    sys.stdout.write(
        f"python -c pass            {bare:6.0f} ms\n"
        f"vbo-reconcile --version   {ours:6.0f} ms\n"
        f"pyinfra --version         {peer:6.0f} ms{note}\n"
        f"ratio                     {ours / peer:6.2f}  (aim: 0.50)\n"
    )
    return 0 if ours <= peer / 2 else 1


if __name__ == "__main__":
    sys.exit(main())
