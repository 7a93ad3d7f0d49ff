"""The facts of N hosts that take their time: threads against workers of Dask, each with as many connections.

    python -m tests.bench.bench_fleet [N] [--servers S] [--workers 0,1,2,4] [--connections C]

The hosts are asyncssh servers in one separate process, on ports of loopback. Each waits 50 to 500 ms (by its
number) before it answers a command, and sends the facts of a host. 0 workers are threads of the client. The hosts
belong to S management servers, whose inventories are read side by side, each with C connections. Examples:

    10000 --workers 0 --connections 32            10,000 hosts from one machine
    10000 --workers 2,4,8 --connections 8         the same through workers
    10000 --servers 20 --workers 0                20 servers with 500 proxies each

What is printed is hosts a second, the speed beside that of one worker, and where the CPU time of a host went: in the
client, the scheduler, the workers, and the SSH servers, which a real fleet has elsewhere. `needs` is the CPU time of
all of them beside that of the run: from 0.8 of the cores of the machine on, the cores are the limit and not the hosts.
What was found must be the same each time. The aim is 0.8 of linear: it needs a machine that is not busy, because a
login costs CPU on both ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.clients.ssh import posix_shell
from reconciler.lab.pki import ssh_key, ssh_public
from reconciler.timing import utc_now
from tests.dask_cluster import dask_cluster

LINEAR: Final = 0.8
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_FACTS: Final = Path(__file__).parents[1] / "hosts" / "documents" / "linux.json"
_CLIENT: Final = """
import hashlib, json, resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from contextlib import ExitStack
from reconciler.inventory import load
from reconciler.inventory.secrets import Resolver
from reconciler.model.connection import ConnectionContext
from reconciler.observe.probe import probe_hosts
from reconciler.operations.fleet import SIDE_BY_SIDE
from reconciler.package_data import playbooks_folder
from reconciler.requirements import load as load_playbooks
from reconciler.timing import utc_now
url, connections, *files = sys.argv[1:]

def read(file):
    inventory, diagnostics = load(Path(file))
    assert inventory is not None, diagnostics
    access = inventory.access
    with ExitStack() as stack:
        workers = None
        if url:
            from reconciler.clients.cluster.connect import open_cluster
            workers = stack.enter_context(open_cluster(url, ()))
        context = ConnectionContext(Resolver(access.root), access.root, workers=workers)
        begin = time.perf_counter()
        with ThreadPoolExecutor(int(connections) * context.width) as pool:
            running = probe_hosts(pool, inventory, access=access, context=context, playbooks=playbooks, clock=utc_now)
            found = {name: future.result() for name, future in running.items()}
        return begin, found, inventory

playbooks = load_playbooks(playbooks_folder())
with ThreadPoolExecutor(SIDE_BY_SIDE) as servers:
    parts = list(servers.map(read, files))
seconds = time.perf_counter() - min(begin for begin, _, _ in parts)
hosts = {name: host for _, found, _ in parts for name, host in found.items()}
lost = [host.problem for host in hosts.values() if host.problem]
used = resource.getrusage(resource.RUSAGE_SELF)
for host in hosts.values():
    host.facts and host.facts["clock"].pop("utc")
facts = json.dumps({name: host.facts for name, host in hosts.items()}, sort_keys=True)
print(json.dumps({"seconds": seconds, "lost": len(lost), "why": str(lost[:1]),
                  "digest": hashlib.sha256(facts.encode()).hexdigest(),
                  "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}))
"""


async def _serve(folder: Path, count: int) -> None:
    """The hosts: every one of them is a port of one server, and its number decides how long it takes."""
    import asyncssh

    facts = json.loads(_FACTS.read_text("utf-8"))

    async def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        number = process.get_extra_info("sockname")[1]
        process.stderr.write(f"{posix_shell.SHELL}\n")
        await process.stdin.read()
        process.stderr.write(f"{posix_shell.STARTED}\n")
        await asyncio.sleep(0.05 + (number * 37 % 450) / 1000)
        now = facts | {"clock": facts["clock"] | {"utc": utc_now().isoformat()}}
        process.stdout.write(f"{posix_shell.OUTPUT}\n{json.dumps(now)}\n{posix_shell.OUTPUT_END}\n")
        process.exit(0)

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return True

    options: dict[str, Any] = {"server_host_keys": [str(folder / "host")], "process_factory": answer}
    listening = [
        await asyncssh.create_server(Server, "127.0.0.1", 0, line_editor=False, **options) for _ in range(count)
    ]
    ports = [server.get_port() for server in listening]
    (folder / "ports.new").write_text(json.dumps(ports), "ascii")
    (folder / "ports.new").rename(folder / "ports")
    await asyncio.Event().wait()


def inventories(folder: Path, count: int, ports: list[int], servers: int = 1) -> list[Path]:
    """`count` hosts, a part of them in the inventory of each server."""
    shares = [range(first, count, servers) for first in range(servers)]
    return [_inventory(folder, f"server-{n}", numbers, ports) for n, numbers in enumerate(shares)]


def _inventory(folder: Path, name: str, numbers: range, ports: list[int]) -> Path:
    key = ssh_public(ssh_key(folder / "host"))
    lines = [
        "version: 1",
        f"name: {name}",
        f"server: {{host: {name}.example.net, credentials: admin}}",
        "credentials:",
        "  admin: {username: admin, password: secret://env/NONE}",
        "  linux: {username: backup, private_key: secret://file/user}",
        "proxies:",
    ]
    for n in numbers:
        reach = f'{{address: 127.0.0.1, port: {ports[n % len(ports)]}, host_keys: ["{key}"]}}'
        lines.append(
            f"  px-{n:05}: {{host: px-{n:05}.example.net, os: linux, type: workgroup, credentials: linux, "
            f"connection: {reach}}}"
        )
    file = folder / f"{name}.yml"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def reading(files: list[Path], url: str, connections: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process that reads the facts of all hosts; `outcome` is what it found."""
    command = [sys.executable, "-c", _CLIENT, url, str(connections), *map(str, files)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert not found["lost"], found["why"]
    return found


def measure(files: list[Path], url: str, connections: int, environment: dict[str, str]) -> dict[str, Any]:
    with reading(files, url, connections, environment) as process:
        return outcome(process)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The process of the hosts, and their ports."""

    pid: int
    ports: list[int]


@contextmanager
def waiting_hosts(folder: Path, count: int) -> Iterator[Hosts]:
    """Up to `count` hosts, in a separate process."""
    for key in ("host", "user"):
        ssh_key(folder / key)
    command = [sys.executable, "-m", "tests.bench.bench_fleet", str(min(count, 450)), "--serve", str(folder)]
    with subprocess.Popen(command) as hosts:
        try:
            while not (folder / "ports").exists():
                assert hosts.poll() is None
                time.sleep(0.1)
            yield Hosts(hosts.pid, json.loads((folder / "ports").read_text("ascii")))
        finally:
            hosts.kill()


def _used(*pids: int) -> float:
    """CPU seconds of processes so far, as Linux counts them."""
    stats = [Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split() for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / _TICKS


def _resident(*pids: int) -> float:
    """The most megabytes that processes had."""
    texts = [Path(f"/proc/{pid}/status").read_text("ascii") for pid in pids]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if "VmHWM" in line) / 1024


def through(folder: Path, count: int, hosts: Hosts, options: argparse.Namespace) -> dict[str, Any]:
    """What was found through `count` workers, and the CPU seconds of everyone who took part."""
    asked = (options.count, hosts.ports, options.servers)
    if not count:
        before = _used(hosts.pid)
        found = measure(inventories(folder, *asked), "", options.connections, dict(os.environ))
        return {**found, "ssh": _used(hosts.pid) - before, "scheduler": 0.0, "workers": 0.0, "workers_mb": 0.0}
    names = [(f"worker-{n}", "") for n in range(count)]
    with dask_cluster(folder / f"dask-{count}", names, threads=options.connections) as cluster:
        environment = dict(cluster.environment)
        measure(inventories(folder, 8 * count, hosts.ports), cluster.url, options.connections, environment)  # imports
        parts = {
            "ssh": [hosts.pid],
            "scheduler": [cluster.scheduler.pid],
            "workers": [worker.pid for worker in cluster.workers.values()],
        }
        begin = {part: _used(*pids) for part, pids in parts.items()}
        found = measure(inventories(folder, *asked), cluster.url, options.connections, environment)
        used = {part: _used(*pids) - begin[part] for part, pids in parts.items()}
        return {**found, **used, "workers_mb": _resident(*parts["workers"])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--workers", default="0,1,2,4")
    parser.add_argument("--connections", type=int, default=4, help="of each worker, or of the client for each server")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.serve, options.count))
    with tempfile.TemporaryDirectory() as name, waiting_hosts(Path(name), options.count) as hosts:
        return _report(Path(name), hosts, options)


def _report(folder: Path, hosts: Hosts, options: argparse.Namespace) -> int:
    speeds: dict[int, float] = {}
    digests: set[str] = set()
    for count in [int(part) for part in options.workers.split(",")]:
        found = through(folder, count, hosts, options)
        speeds[count] = options.count / found["seconds"]
        linear = speeds[count] / (speeds.get(1, speeds[count]) * max(count, 1))
        cpu = {part: found[part] for part in ("cpu", "scheduler", "workers", "ssh")}
        each = {part: f"{1000 * seconds / options.count:.1f}" for part, seconds in cpu.items()}
        sys.stdout.write(
            f"{options.count} hosts of {options.servers}  {count or 'no'} workers x {options.connections:2}  "
            f"{found['seconds']:7.2f} s  {speeds[count]:6.1f} hosts/s  {linear:4.2f} of linear   ms of CPU a host: "
            f"client {each['cpu']}, scheduler {each['scheduler']}, workers {each['workers']}, SSH servers "
            f"{each['ssh']}; needs {sum(cpu.values()) / found['seconds']:.1f} cores   client {found['mb']:.0f} MB, "
            f"workers {found['workers_mb']:.0f} MB\n"
        )
        sys.stdout.flush()
        digests.add(found["digest"])
    assert len(digests) == 1, "workers found something else than threads"
    kept = [speeds[n] >= LINEAR * n * speeds[1] for n in speeds if n > 1 and 1 in speeds]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
