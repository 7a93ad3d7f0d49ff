"""A rehearsal of N new Windows proxies: `plan --lab` in a separate process, with a lab that does not exist yet.

    python -m tests.bench.bench_rehearsal [N] [--repeat TIMES]

What is timed is the whole command: the lab starts, its hosts when they are first asked, each of them is read over WinRM
in the process, and the plan is made and printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_plan import HEAD

_PROXY = "  px-{n:05}: {{host: px-{n:05}.site-{site:02}.example.net, type: domain, credentials: admin}}\n"


def rehearse(inventory: Path, count: int) -> tuple[float, float]:
    """Seconds of the clock and of the processor, of one rehearsal."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "plan", "--lab", str(inventory)],
            env={**os.environ, "HOME": home, "XDG_STATE_HOME": home, "XDG_CACHE_HOME": home, "VBO_PASSWORD": "bench"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or f"Plan: {count} to create" not in done.stdout:
        raise SystemExit(f"the rehearsal ended with code {done.returncode}:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.yml"
        path.write_text(HEAD + "".join(_PROXY.format(n=n, site=n % 97) for n in range(options.count)), encoding="utf-8")
        walls, works = zip(*(rehearse(path, options.count) for _ in range(options.repeat)), strict=True)
    wall, work = statistics.median(walls), statistics.median(works)
    sys.stdout.write(
        f"{options.count:,} new proxies, medians of {options.repeat}: {wall:.1f} s, {work:.1f} s of CPU, "
        f"{1000 * work / options.count:.2f} ms of it a host\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
