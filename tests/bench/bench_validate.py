"""Validating an inventory of N proxies (15 lines each) and 2N organizations, beside a bare `yaml.load` of the file.

    python -m tests.bench.bench_validate [N] [--repeat TIMES] [--limit RATIO]

Every measurement is its own process with the garbage collector on, as it comes; the two take turns, and medians
are compared. What is timed is the whole of `reconciler.inventory.load`: reading, positions, schema, defaults, the
repositories and jobs of `defaults.mapping` (2N of each), all rules, and the Inventory. Exits 1 above the limit.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_HEAD = r"""version: 1
name: bench
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
  local: {username: Administrator, password: secret://env/LOCAL_PASSWORD}
defaults:
  repository: {retention: {type: item-level, keep: 3 years}}
  mapping:
    repository: {path: 'D:\VBO\{tenant}'}
    job: {schedule: {daily: "22:00"}}
proxies:
"""
_PROXY = """\
  px-{n:05}:
    host: px-{n:05}.site-{site:02}.example.net
    type: {kind}
    os: windows
    port: 9193
    credentials: local
    description: Proxy {n} of site {site}
    throttle: {rate} Mbps
    internet_proxy: none
    service:
      install: push
      version: server
    connection:
      address: 10.{a}.{b}.{c}
      port: 5986
"""
_LOAD = """
import sys, time, yaml
text = open(sys.argv[1], encoding="utf-8").read()
begin = time.process_time()
yaml.load(text, Loader=yaml.CSafeLoader)
print(time.process_time() - begin)
"""
_VALIDATE = """
import sys, time
from pathlib import Path
from reconciler.inventory import load
begin = time.process_time()
inventory, diagnostics = load(Path(sys.argv[1]))
print(time.process_time() - begin)
assert inventory is not None and not diagnostics, diagnostics[:3]
assert len(inventory.resources) == 7 * int(sys.argv[2]), len(inventory.resources)
"""


def lines(count: int) -> Iterator[str]:
    """The inventory, the same for the same count."""
    yield _HEAD
    for n in range(count):
        kind = "domain" if n % 3 else "workgroup"
        a, b, c = n >> 16 & 255, n >> 8 & 255, n & 255
        yield _PROXY.format(n=n, site=n % 97, kind=kind, rate=100 + n % 50, a=a, b=b, c=c)
    yield "organizations:\n"
    for n in range(2 * count):
        yield f"  org-{n:05}.example.com: {{proxies: [px-{n // 2:05}]}}\n"


def _time(script: str, path: Path, count: int) -> float:
    command = [sys.executable, "-c", script, str(path), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--limit", type=float, default=0.4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.yml"
        path.write_text("".join(lines(options.count)), encoding="utf-8")
        rounds = [
            (_time(_LOAD, path, options.count), _time(_VALIDATE, path, options.count)) for _ in range(options.repeat)
        ]
        size = path.stat().st_size / 1e6
    bare, whole = (statistics.median(times) for times in zip(*rounds, strict=True))
    sys.stdout.write(
        f"{options.count:,} proxies, {2 * options.count:,} organizations, {size:.1f} MB, medians of {options.repeat}\n"
        f"  yaml.load(CSafeLoader)  {bare * 1000:8.0f} ms\n"
        f"  validate                {whole * 1000:8.0f} ms   ratio {whole / bare:.2f} (limit {options.limit})\n"
    )
    return 0 if whole / bare <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
