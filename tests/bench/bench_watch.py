"""Memory of `watch` over many cycles, with observations made up and a real journal: it must stay flat.

python -m tests.bench.bench_watch [CYCLES] [--trace]

With --trace the memory of Python's objects is measured, which takes twice the time; without it they are counted.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.watching.metrics import exposition
from reconciler.watching.notices import Channel
from tests.watching.samples import World, observed, plan_of, update


def resident() -> float:
    """MB of this process, as Linux counts them."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def held(*, trace: bool) -> str:
    gc.collect()
    if trace:
        return f"{tracemalloc.get_traced_memory()[0] / 1e6:.2f} MB of objects"
    return f"{len(gc.get_objects())} objects"


def main(cycles: int, *, trace: bool) -> None:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        world = World(Path(folder))
        watcher = world.watcher("corp", channels=(Channel("json", "https://hooks.example.com/"),))
        if trace:
            tracemalloc.start()
        started = time.process_time()
        for cycle in range(1, cycles + 1):
            drift = [update(f"proxy.px-{number}", "throttle") for number in range(20) if (cycle >> number) & 1]
            world.answers["corp"] = observed(plan_of(drift))
            watcher.cycle()
            exposition(watcher.states.values())
            world.sent.clear()
            world.lines.clear()
            world.later(minutes=5)
            if cycle in (100, 500, 1000, 2000, 5000, 10_000) or cycle == cycles:
                size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
                each = (time.process_time() - started) / cycle * 1000
                line = f"{cycle:6} cycles: {held(trace=trace)}, {resident():.0f} MB resident, journal {size:.2f} MB"
                sys.stdout.write(f"{line}, {each:.0f} ms of CPU a cycle\n")
                sys.stdout.flush()


if __name__ == "__main__":
    numbers = [int(item) for item in sys.argv[1:] if item != "--trace"]
    main(numbers[0] if numbers else 10_000, trace="--trace" in sys.argv)
