"""A plan of N proxies that changes nothing: from the file and one page of REST to text, in its own process.

    python -m tests.bench.bench_plan [N] [--repeat TIMES]

What is timed is the whole process: start, loading the inventory, parsing the page, matching, comparing, rendering, with
the collector as the command sets it. For scale: terraform needs 32 s and 2.1 GB for as many `terraform_data`, octoDNS
4.1 s and 98 MB. Machines differ, and one differs from itself: a bare `yaml.load` of the same file takes turns with it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEAD = r"""version: 1
name: bench
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
proxies:
"""
_PROXY = """\
  px-{n:05}:
    host: px-{n:05}.site-{site:02}.example.net
    type: domain
    os: windows
    port: 9193
    credentials: admin
    description: Proxy {n} of site {site}
    throttle: {rate} Mbps
    internet_proxy: none
    service:
      install: push
      version: server
    connection:
      address: 10.0.0.1
      port: 5986
"""
_PLAN = """
import json, resource, sys, time
begin = time.perf_counter()
from pathlib import Path
from reconciler.collector import collect_seldom
collect_seldom()
from reconciler.inventory import load
from reconciler.kinds.naming import Naming
from reconciler.model.live import Live, ServerInfo
from reconciler.model.recall import Recall
from reconciler.observe.server import read_server
from reconciler.plan import make_plan, plan_to_json
from reconciler.render import renderer
from reconciler.render.style import Style

class Page:
    rest, build, installation = 8, "8.5.0.1014", "bench"
    def __init__(self, file):
        self.page = json.loads(Path(file).read_bytes())["results"]
    def list(self, path, **query):
        return self.page if path == "Proxies" else []

inventory, diagnostics = load(Path(sys.argv[1]))
assert inventory is not None, diagnostics[:3]
reader = Page(sys.argv[2])
found = read_server(reader, inventory, Naming(8, inventory.access)).resources
live = Live(ServerInfo("vbo.example.com", 8, reader.build), found, {}, {"GET": 1})
plan = make_plan(inventory, live, Recall(), access=inventory.access, playbooks={})
assert plan.is_empty and plan.unchanged == int(sys.argv[3]), (plan.counts(), plan.unchanged)
text = renderer("human")(plan_to_json(plan), Style())
assert "No changes" in text, text[:200]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": time.perf_counter() - begin, "mb": peak}))
"""
_LOAD = """
import sys, time, yaml
text = open(sys.argv[1], encoding="utf-8").read()
begin = time.perf_counter()
yaml.load(text, Loader=yaml.CSafeLoader)
print(time.perf_counter() - begin)
"""


def inventory(count: int) -> Iterator[str]:
    yield HEAD
    for n in range(count):
        yield _PROXY.format(n=n, site=n % 97, rate=100 + n % 50)


def page(count: int) -> dict[str, Any]:
    """What one GET of all proxies answers in REST v8."""
    results = [
        {
            "id": f"00000000-0000-0000-0000-{n:012}",
            "hostName": f"px-{n:05}.site-{n % 97:02}.example.net",
            "fqdn": f"px-{n:05}.site-{n % 97:02}.example.net",
            "type": "Domain",
            "operatingSystem": "Windows",
            "description": f"Proxy {n} of site {n % 97} [vbo-reconcile:bench]",
            "port": 9193,
            "enableNetworkThrottling": True,
            "throttlingValue": 100 + n % 50,
            "throttlingUnit": "Mbps",
            "useInternetProxy": False,
            "internetProxyType": None,
            "status": "Online",
            "version": "8.5.0.1014",
            "proxyPoolId": None,
            "maintenanceModeState": "Disabled",
            "cpuUsagePercent": 3.5,
            "memoryUsagePercent": 41.0,
            "role": ["Processor"],
            "_links": {"self": {"href": f"/v8/Proxies/{n}"}},
        }
        for n in range(count)
    ]
    return {"offset": 0, "limit": 10000, "results": results}


def _run(script: str, *arguments: str) -> Any:
    command = [sys.executable, "-c", script, *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wanted, live = Path(folder, "inventory.yml"), Path(folder, "page.json")
        wanted.write_text("".join(inventory(options.count)), encoding="utf-8")
        live.write_text(json.dumps(page(options.count)), encoding="utf-8")
        files = (str(wanted), str(live), str(options.count))
        rounds = [(_run(_PLAN, *files), _run(_LOAD, *files)) for _ in range(options.repeat + 1)][1:]
    runs, bare = zip(*rounds, strict=True)
    seconds = statistics.median(run["seconds"] for run in runs)
    megabytes = statistics.median(run["mb"] for run in runs)
    sys.stdout.write(
        f"no-op plan of {options.count} proxies   {seconds:6.2f} s   {megabytes:6.0f} MB   (aim: 2 s, 400 MB)\n"
        f"terraform, as many terraform_data   32 s   2100 MB   (ratio {seconds / 32:.3f})\n"
        f"octoDNS, as many records            4.1 s     98 MB   (ratio {seconds / 4.1:.2f})\n"
        f"yaml.load of it, CSafeLoader    {statistics.median(bare):6.2f} s               "
        f"(ratio {seconds / statistics.median(bare):.2f})\n"
    )
    return 0 if seconds <= 2 and megabytes <= 400 else 1


if __name__ == "__main__":
    sys.exit(main())
