"""An apply of N changes in the lab, in a separate process: what a change costs must not grow with the plan.

    python -m tests.bench.bench_apply [N ...]

Each change creates a repository. The CPU time is that of the whole process, so with the server of the lab, but without
what that takes to write all of its state after each request, which does grow.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

GROWTH: Final = 1.5
"""What a change of the largest plan may cost, beside one of the smallest."""
_HEAD: Final = """\
version: 1
name: bench
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: 'CORP\\svc-vbo', password: secret://env/VBO_PASSWORD}
proxies:
  px-1: {host: px-1.example.com, type: domain, credentials: admin}
repositories:
"""
_APPLY: Final = """
import os, runpy, time
from pathlib import Path
from reconciler.lab.state import Document

save, took = Document.save, [0.0]

def timed(document):
    with document.lock:
        before = time.thread_time()
        found = save(document)
        took[0] += time.thread_time() - before
        Path(os.environ["SAVING"]).write_text(str(took[0]))
        return found

Document.save = timed
runpy.run_module("reconciler", run_name="__main__")
"""
_REPOSITORY: Final = (
    "  repo-{n:05}: {{proxy: px-1, path: 'D:\\VBO\\repo-{n:05}', retention: {{type: item-level, keep: 3 years}}}}\n"
)


def inventory(folder: Path, count: int) -> Path:
    file = folder / f"{count}.yml"
    file.write_text(_HEAD + "".join(_REPOSITORY.format(n=n) for n in range(count)), "utf-8")
    return file


def seconds_of_cpu(count: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-c", _APPLY, "apply", "--lab", "--auto-approve", "--quiet"]
        home = {"HOME": name, "XDG_STATE_HOME": str(folder / "state"), "SAVING": str(folder / "saving")}
        before = _used()
        ended = subprocess.run(
            [*command, str(inventory(folder, count))],
            env={**os.environ, **home},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-500:] + ended.stderr[-2000:]
        return _used() - before - float((folder / "saving").read_text())


def _used() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[1250, 2500, 5000])
    costs: list[float] = []
    for count in parser.parse_args().counts:
        seconds = seconds_of_cpu(count)
        costs.append(seconds / count)
        sys.stdout.write(f"{count:6} changes  {seconds:7.1f} s of CPU  {1000 * costs[-1]:6.2f} ms a change\n")
        sys.stdout.flush()
    return 0 if max(costs) <= GROWTH * costs[0] else 1


if __name__ == "__main__":
    sys.exit(main())
