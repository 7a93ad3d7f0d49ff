"""A plan of N SSH hosts that changes nothing, beside one bare fabric connection and one command each, and pyinfra.

    python -m tests.bench.bench_hosts [N] [--threads T] [--repeat TIMES] [--pyinfra PYTHON] [--one-address]

All are whole processes against the same sshd (OpenSSH, started here on loopback with its own key) and take turns.
The bare one runs, on each host, `true`, and in a second round the very facts script that the plan runs: the first
ratio shows what a plan costs, the second what is ours of that. `--pyinfra` names the Python of an environment with
pyinfra 3, which then gathers what the facts script reports with its own facts. First one plan is counted
by the log of sshd: one connection and one command for each host. Needs OpenSSH.

`--one-address` gives sshd its default MaxStartups (10:30:100), as a gateway with all the hosts behind it has, and
counts the hosts that each of them does not reach, in TIMES runs. The plan must reach all of them.
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


def programs(server: OpenSsh, options: argparse.Namespace) -> dict[str, list[str]]:
    """Their command lines by what is printed of them."""
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
    return commands


def measure(server: OpenSsh, options: argparse.Namespace) -> dict[str, float]:
    """Seconds by what ran: the median of the runs after the first."""
    commands = programs(server, options)
    found = counted(server, commands["plan"])
    assert found == (options.count, options.count), f"connections and commands of one plan: {found}"
    times: dict[str, list[float]] = {label: [] for label in commands}
    for _ in range(options.repeat + 1):
        for label, command in commands.items():
            times[label].append(seconds(command))
    return {label: statistics.median(runs[1:]) for label, runs in times.items()}


_UNREACHED: Final = {
    "plan": (
        "assert len(hosts)",
        "print(sum(bool(host.problem) for host in hosts.values())); sys.exit()\nassert len(hosts)",
    ),
    "bare, true": (
        "assert all(pool.map(one, range(int(count))))",
        (
            "def reached(number):\n"
            "        try:\n"
            "            return one(number)\n"
            "        except Exception:\n"
            "            return False\n"
            "    print(sum(not found for found in pool.map(reached, range(int(count)))))"
        ),
    ),
    "pyinfra": (
        "assert len(state.active_hosts)",
        "print(len(names) - len(state.active_hosts)); sys.exit()\nassert len(state.active_hosts)",
    ),
}
"""What the programs do in place of failing: print how many hosts they do not reach."""


def unreached(command: list[str], label: str) -> int:
    before, after = _UNREACHED[label]
    program = command[2].replace(before, after)
    assert program != command[2]
    ended = subprocess.run([*command[:2], program, *command[3:]], stdout=subprocess.PIPE, text=True, check=True)
    return int(ended.stdout.split()[-1])


def one_address(server: OpenSsh, options: argparse.Namespace) -> int:
    commands = programs(server, options)
    del commands["bare, same script"]
    plan = 0
    for label, command in commands.items():
        runs = []
        for _ in range(options.repeat):
            began = time.perf_counter()
            count = unreached(command, label)
            runs.append((time.perf_counter() - began, count))
        sys.stdout.write(f"{label:20} {options.count} hosts behind one address, not reached: ")
        sys.stdout.write(", ".join(f"{count} ({took:.2f} s)" for took, count in runs) + "\n")
        plan += sum(count for _, count in runs) if label == "plan" else 0
    return 1 if plan else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pyinfra", default="", metavar="PYTHON")
    parser.add_argument("--one-address", action="store_true")
    options = parser.parse_args()
    limits = ["MaxStartups 10:30:100"] if options.one_address else []
    with tempfile.TemporaryDirectory() as name, openssh(Path(name) / "sshd", "LogLevel VERBOSE", *limits) as server:
        if options.one_address:
            return one_address(server, options)
        medians = measure(server, options)
    for label, median in medians.items():
        sys.stdout.write(f"{label:20} {options.count} hosts  {median:6.2f} s   ratio {medians['plan'] / median:.2f}\n")
    sys.stdout.write(json.dumps({label: round(median, 3) for label, median in medians.items()}) + "\n")
    kept = [medians["plan"] <= limit * medians[label] for label, limit in LIMITS.items() if label in medians]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
