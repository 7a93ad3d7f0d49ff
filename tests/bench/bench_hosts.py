"""A plan of N SSH hosts that changes nothing, beside one bare fabric connection and one command each, and pyinfra.

    python -m tests.bench.bench_hosts [N] [--threads T] [--repeat TIMES] [--pyinfra PYTHON]

All are whole processes against the same sshd (OpenSSH, started here on loopback with its own key) and take turns.
The bare one runs, on each host, `true`, and in a second round the very facts script that the plan runs: the first
ratio shows what a plan costs, the second what is ours of that. `--pyinfra` names the Python of an environment with
pyinfra 3, which then gathers what the facts script reports with its own facts. First one plan is counted
by the log of sshd: one connection and one command for each host. Needs OpenSSH.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.integration.openssh import OpenSsh, openssh

LIMITS: Final = {"bare, true": 1.3, "pyinfra": 1 / 3}
"""What the plan may take at most of the time of each."""

_BARE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from fabric import Config, Connection
user, port, key, count, threads, script = sys.argv[1:7]
text = open(script).read() if script else ""
def one(number):
    config = Config(overrides={"load_ssh_configs": False})
    options = {"key_filename": key, "look_for_keys": False, "allow_agent": False}
    with Connection("127.0.0.1", user=user, port=int(port), config=config, connect_kwargs=options) as host:
        command = f"arg_port=9193 arg_server=localhost\\n{text}" if text else "true"
        return host.run(command, hide=True, in_stream=False).ok
with ThreadPoolExecutor(int(threads)) as pool:
    assert all(pool.map(one, range(int(count))))
"""
_PLAN = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from reconciler.package_data import playbooks_folder
from reconciler.requirements import load as load_playbooks
from reconciler.inventory import load
from reconciler.inventory.secrets import Resolver
from reconciler.model.connection import ConnectionContext
from reconciler.observe.probe import probe_hosts
from reconciler.model.live import Live, ServerInfo
from reconciler.model.recall import Recall
from reconciler.plan import make_plan, plan_to_json
from reconciler.render import renderer
from reconciler.render.style import Style
inventory, diagnostics = load(Path(sys.argv[1]))
assert inventory is not None, diagnostics
playbooks = load_playbooks(playbooks_folder())
root = inventory.access.root
context = ConnectionContext(Resolver(root, inventory.access.commands), root)
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    running = probe_hosts(pool, inventory, access=inventory.access,
                          context=context,
                          playbooks=playbooks, clock=lambda: datetime.now(UTC))
    hosts = {name: future.result() for name, future in running.items()}
assert len(hosts) == int(sys.argv[3]) and not any(host.problem for host in hosts.values()), next(iter(hosts.values()))
live = Live(ServerInfo("vbo.example.com", 8, "8.5.0.1014"), {}, hosts, {})
plan = make_plan(inventory, live, Recall(), access=inventory.access, playbooks=playbooks)
renderer("human")(plan_to_json(plan), Style())
"""

_PYINFRA = """
from gevent import monkey
monkey.patch_all()
import sys
from pyinfra.api import Config, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.api.facts import get_facts
from pyinfra.facts import files, server
user, port, key, count, threads, known = sys.argv[1:7]
names = [f"px-{n:03}" for n in range(int(count))]
data = {"ssh_hostname": "127.0.0.1", "ssh_port": int(port), "ssh_user": user, "ssh_key": key,
        "ssh_strict_host_key_checking": "yes", "ssh_known_hosts_file": known, "ssh_allow_agent": False,
        "ssh_look_for_keys": False}
state = State(Inventory((names, data)), Config(PARALLEL=int(threads)))
connect_all(state)
assert len(state.active_hosts) == len(names), len(state.active_hosts)
wanted = [(server.LinuxDistribution,), (server.Hostname,), (server.Date,), (server.User,), (server.RebootRequired,),
          (files.FindDirectories, ("/usr/share/dotnet",)), (server.Command, ("systemctl is-active ssh || true",)),
          (server.Command, ("df -Pk /",)), (server.Command, ("getent ahosts localhost",)),
          (server.Command, ("cat /proc/net/tcp /proc/net/tcp6",))]
for fact in wanted:
    assert len(get_facts(state, *fact)) == len(names)
for host in state.inventory.get_active_hosts():
    host.disconnect()
"""


def inventory(server: OpenSsh, count: int) -> Path:
    lines = [
        "version: 1",
        "name: bench",
        "server: {host: localhost, credentials: admin}",
        "credentials:",
        "  admin: {username: admin, password: secret://env/NONE}",
        f"  linux: {{username: {server.user}, private_key: secret://file/user}}",
        "proxies:",
    ]
    for n in range(count):
        reach = f'{{address: 127.0.0.1, port: {server.port}, host_keys: ["{server.host_key}"]}}'
        lines.append(
            f"  px-{n:03}: {{host: px-{n:03}.example.net, os: linux, type: workgroup, credentials: linux, "
            f"connection: {reach}}}"
        )
    file = server.folder / "inventory.yml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def counted(server: OpenSsh, command: list[str]) -> tuple[int, int]:
    """Connections and commands that one run makes, as sshd reports them."""
    before = server.log
    subprocess.run(command, check=True)
    answer = server.log[len(before) :]
    return answer.count("Accepted publickey"), answer.count("Starting session: command")


def measure(server: OpenSsh, options: argparse.Namespace) -> dict[str, float]:
    """Seconds by what ran: the median of the runs after the first."""
    facts = Path(__file__).parents[2] / "playbooks" / "linux" / "facts.sh"
    count, threads = str(options.count), str(options.threads)
    login = [server.user, str(server.port), str(server.folder / "user"), count, threads]
    plan = [sys.executable, "-c", _PLAN, str(inventory(server, options.count)), threads, count]
    commands = {
        "plan": plan,
        "bare, true": [sys.executable, "-c", _BARE, *login, ""],
        "bare, same script": [sys.executable, "-c", _BARE, *login, str(facts)],
    }
    if options.pyinfra:
        known = server.folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n", encoding="ascii")
        commands["pyinfra"] = [options.pyinfra, "-c", _PYINFRA, *login, str(known)]
    found = counted(server, plan)
    assert found == (options.count, options.count), f"connections and commands of one plan: {found}"
    times: dict[str, list[float]] = {label: [] for label in commands}
    for _ in range(options.repeat + 1):
        for label, command in commands.items():
            times[label].append(seconds(command))
    return {label: statistics.median(runs[1:]) for label, runs in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pyinfra", default="", metavar="PYTHON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, openssh(Path(name) / "sshd", "LogLevel VERBOSE") as server:
        medians = measure(server, options)
    for label, median in medians.items():
        sys.stdout.write(f"{label:20} {options.count} hosts  {median:6.2f} s   ratio {medians['plan'] / median:.2f}\n")
    sys.stdout.write(json.dumps({label: round(median, 3) for label, median in medians.items()}) + "\n")
    kept = [medians["plan"] <= limit * medians[label] for label, limit in LIMITS.items() if label in medians]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
