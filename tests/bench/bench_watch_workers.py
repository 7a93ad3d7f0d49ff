"""Memory of `watch --executor` over many looks at hosts through two workers: it must stay flat.

    python -m tests.bench.bench_watch_workers [CYCLES]

Everything is real and on loopback: the command, a scheduler, two workers, and the hosts of a lab in a separate
process. SIGUSR1 asks for the next look as soon as one has ended, so that an interval costs nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.request import urlopen

from tests.dask_cluster import dask_cluster

_REPORTS: Final = (50, 100, 250, 500, 1000, 1500, 2000, 3000, 4000, 5000, 7500, 10_000)
_INVENTORY: Final = """version: 1
name: bench-watch
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: 'EXAMPLE\\svc', password: secret://env/PASSWORD}
  linux: {username: backup, private_key: secret://file/user}
proxies:
  px-1: {host: px-1.example.com, type: domain, credentials: admin}
  px-2: {host: px-2.example.com, type: domain, credentials: admin}
  px-3: {host: px-3.example.com, os: linux, type: workgroup, credentials: linux}
"""


@contextmanager
def running(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command of vbo-reconcile that runs until the end of the context."""
    command = [sys.executable, "-m", "reconciler", *words]
    with (folder / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def observations(port: int) -> dict[str, int]:
    """How many looks have ended, by result."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    counted = (line for line in lines if line.startswith("vbo_reconcile_observations_total"))
    return {line.partition('result="')[2].partition('"')[0]: int(float(line.rpartition(" ")[2])) for line in counted}


def resident(pid: int) -> float:
    """MB of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(cycles: int) -> None:
    with TemporaryDirectory() as name, dask_cluster(Path(name, "dask"), [("one", ""), ("two", "")]) as cluster:
        folder = Path(name)
        inventory, port = folder / "bench.yml", free_port()
        inventory.write_text(_INVENTORY, "utf-8")
        environment = {**cluster.environment, "PASSWORD": "x", "XDG_STATE_HOME": str(folder / "state")}
        words = ["watch", "--lab", str(inventory), "--executor", cluster.url, "--listen", f"127.0.0.1:{port}"]
        with (
            running(["lab", "serve", str(inventory)], folder, environment) as lab,
            running([*words, "--interval", "1"], folder, environment) as watch,
        ):
            processes = {"watch": watch, "scheduler": cluster.scheduler, **cluster.workers, "lab": lab}
            _follow(port, cycles, processes)


def _follow(port: int, cycles: int, processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    started = time.monotonic()
    left = [count for count in _REPORTS if count < cycles] + [cycles]
    while left:
        time.sleep(0.2)
        dead = [name for name, process in processes.items() if process.poll() is not None]
        assert not dead, dead
        try:
            counted = observations(port)
        except OSError:  # not up yet
            continue
        processes["watch"].send_signal(signal.SIGUSR1)
        if counted.get("success", 0) >= left[0]:
            left.pop(0)
            memory = ", ".join(f"{name} {resident(process.pid):.1f}" for name, process in processes.items())
            line = f"{counted['success']:6} looks ({counted['failure']} failed), {time.monotonic() - started:5.0f} s: "
            sys.stdout.write(f"{line}MB of {memory}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
