"""The facts of N hosts that take their time: threads against workers of Dask, each with as many connections.

    python -m tests.bench.bench_fleet [N] [--workers 0,1,2,4] [--connections C]

The hosts are asyncssh servers in one process of their own, on addresses of loopback. Each waits 50 to 500 ms (by its
number) before it answers a command, and sends the facts of a host. 0 workers are threads of the client.
What is printed is hosts a second, the speed beside that of one worker, CPU seconds and memory of client and workers.
What was found must be the same each time. The aim is 0.8 of linear: it needs a machine that is not busy, because a
login costs CPU on both ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from reconciler.clients.ssh import posix_shell
from reconciler.lab.pki import ssh_key, ssh_public
from tests.dask_cluster import DaskCluster, dask_cluster

LINEAR: Final = 0.8
_FACTS: Final = Path(__file__).parents[1] / "hosts" / "documents" / "linux.json"
_CLIENT: Final = """
import hashlib, json, resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from contextlib import ExitStack
from reconciler.inventory import load
from reconciler.inventory.secrets import Resolver
from reconciler.model.connection import ConnectionContext
from reconciler.observe.probe import probe_hosts
from reconciler.package_data import playbooks_folder
from reconciler.requirements import load as load_playbooks
inventory, diagnostics = load(Path(sys.argv[1]))
assert inventory is not None, diagnostics
playbooks = load_playbooks(playbooks_folder())
access = inventory.access
with ExitStack() as stack:
    workers = None
    if sys.argv[2]:
        from reconciler.clients.cluster.connect import open_cluster
        workers = stack.enter_context(open_cluster(sys.argv[2], ()))
    context = ConnectionContext(Resolver(access.root), access.root, workers=workers)
    began = time.perf_counter()
    with ThreadPoolExecutor(int(sys.argv[3]) * context.width) as pool:
        running = probe_hosts(pool, inventory, access=access, context=context, playbooks=playbooks,
                              clock=lambda: datetime.fromisoformat(sys.argv[4]))
        hosts = {name: future.result() for name, future in running.items()}
    seconds = time.perf_counter() - began
lost = [host.problem for host in hosts.values() if host.problem]
used = resource.getrusage(resource.RUSAGE_SELF)
facts = json.dumps({name: host.facts for name, host in hosts.items()}, sort_keys=True)
print(json.dumps({"seconds": seconds, "lost": len(lost), "why": str(lost[:1]),
                  "digest": hashlib.sha256(facts.encode()).hexdigest(),
                  "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}))
"""


async def _serve(folder: Path, count: int) -> None:
    """The hosts: every one of them is a port of one server, and its number decides how long it takes."""
    import asyncssh

    facts = _FACTS.read_text("utf-8")

    async def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        number = process.get_extra_info("sockname")[1]
        process.stderr.write(f"{posix_shell.SHELL}\n")
        await process.stdin.read()
        process.stderr.write(f"{posix_shell.STARTED}\n")
        await asyncio.sleep(0.05 + (number * 37 % 450) / 1000)
        process.stdout.write(f"{posix_shell.OUTPUT}\n{facts}\n{posix_shell.OUTPUT_END}\n")
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


def inventory(folder: Path, count: int, ports: list[int]) -> Path:
    key = ssh_public(ssh_key(folder / "host"))
    lines = [
        "version: 1",
        "name: bench",
        "server: {host: localhost, credentials: admin}",
        "credentials:",
        "  admin: {username: admin, password: secret://env/NONE}",
        "  linux: {username: backup, private_key: secret://file/user}",
        "proxies:",
    ]
    for n in range(count):
        reach = f'{{address: 127.0.0.1, port: {ports[n % len(ports)]}, host_keys: ["{key}"]}}'
        lines.append(
            f"  px-{n:05}: {{host: px-{n:05}.example.net, os: linux, type: workgroup, credentials: linux, "
            f"connection: {reach}}}"
        )
    file = folder / "inventory.yml"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def reading(file: Path, url: str, connections: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process that reads the facts of all hosts at the time that they say; `outcome` is what it found."""
    moment = json.loads(_FACTS.read_text("utf-8"))["clock"]["utc"]
    command = [sys.executable, "-c", _CLIENT, str(file), url, str(connections), moment]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert not found["lost"], found["why"]
    return found


def measure(file: Path, url: str, connections: int, environment: dict[str, str]) -> dict[str, Any]:
    with reading(file, url, connections, environment) as process:
        return outcome(process)


@contextmanager
def waiting_hosts(folder: Path, count: int) -> Iterator[list[int]]:
    """The ports of up to `count` hosts, in a separate process."""
    for key in ("host", "user"):
        ssh_key(folder / key)
    command = [sys.executable, "-m", "tests.bench.bench_fleet", str(min(count, 450)), "--serve", str(folder)]
    with subprocess.Popen(command) as hosts:
        try:
            while not (folder / "ports").exists():
                assert hosts.poll() is None
                time.sleep(0.1)
            ports: list[int] = json.loads((folder / "ports").read_text("ascii"))
            yield ports
        finally:
            hosts.kill()


def _of_workers(cluster: DaskCluster) -> tuple[float, float]:
    """CPU seconds and megabytes of all workers so far."""

    def used() -> tuple[float, float]:
        found = resource.getrusage(resource.RUSAGE_SELF)
        return found.ru_utime + found.ru_stime, found.ru_maxrss / 1024

    with cluster.client() as client:
        parts = client.run(used).values()
    return sum(cpu for cpu, _ in parts), sum(mb for _, mb in parts)


def through(folder: Path, file: Path, count: int, options: argparse.Namespace) -> dict[str, Any]:
    if not count:
        return {**measure(file, "", options.connections, dict(os.environ)), "workers_cpu": 0.0, "workers_mb": 0.0}
    names = [(f"worker-{n}", "") for n in range(count)]
    with dask_cluster(folder / f"dask-{count}", names, threads=options.connections) as cluster:
        environment = dict(cluster.environment)
        measure(inventory(folder, 8 * count, options.ports), cluster.url, options.connections, environment)  # imports
        before, _ = _of_workers(cluster)
        file = inventory(folder, options.count, options.ports)
        found = measure(file, cluster.url, options.connections, environment)
        cpu, mb = _of_workers(cluster)
    return {**found, "workers_cpu": cpu - before, "workers_mb": mb}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("--workers", default="0,1,2,4")
    parser.add_argument("--connections", type=int, default=4, help="of each worker, or of the client")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.serve, options.count))
    with tempfile.TemporaryDirectory() as name, waiting_hosts(Path(name), options.count) as options.ports:
        return _report(Path(name), options)


def _report(folder: Path, options: argparse.Namespace) -> int:
    speeds: dict[int, float] = {}
    digests: set[str] = set()
    for count in [int(part) for part in options.workers.split(",")]:
        file = inventory(folder, options.count, options.ports)
        found = through(folder, file, count, options)
        speeds[count] = options.count / found["seconds"]
        linear = speeds[count] / (speeds.get(1, speeds[count]) * max(count, 1))
        sys.stdout.write(
            f"{options.count} hosts  {count or 'no'} workers x {options.connections:2}  {found['seconds']:7.2f} s  "
            f"{speeds[count]:6.1f} hosts/s  {linear:4.2f} of linear   "
            f"client {1000 * found['cpu'] / options.count:5.1f} ms CPU a host, {found['mb']:4.0f} MB   "
            f"workers {1000 * found['workers_cpu'] / options.count:5.1f} ms, {found['workers_mb']:4.0f} MB\n"
        )
        sys.stdout.flush()
        digests.add(found["digest"])
    assert len(digests) == 1, "workers found something else than threads"
    kept = [speeds[n] >= LINEAR * n * speeds[1] for n in speeds if n > 1 and 1 in speeds]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
