"""A plan of N SSH hosts that changes nothing, beside one bare fabric connection and one command each.

    python -m tests.bench.bench_hosts [N] [--threads T] [--repeat TIMES]

Both are whole processes against the same sshd (OpenSSH, started here on loopback with a key of its own) and take
turns. The bare one runs, on each host, `true`, and in a second round the very facts script that the plan runs: the
first ratio shows what a plan costs, the second what is ours of that. Needs OpenSSH's sshd and ssh-keygen.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from getpass import getuser
from pathlib import Path

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
from reconciler.hosts import load as load_playbooks, playbooks_folder, judge
from reconciler.inventory import load
from reconciler.inventory.secrets import resolver_for
from reconciler.observe.hosts import probe_hosts
from reconciler.model.live import Live, ServerInfo
from reconciler.model.recall import Recall
from reconciler.plan import make_plan, plan_to_json
from reconciler.render import renderer
from reconciler.render.style import Style
inventory, diagnostics = load(Path(sys.argv[1]))
assert inventory is not None, diagnostics
playbooks = load_playbooks(playbooks_folder())
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    running = probe_hosts(pool, inventory, access=inventory.access, resolver=resolver_for(inventory.access),
                          playbooks=playbooks, clock=lambda: datetime.now(UTC))
    hosts = {name: future.result() for name, future in running.items()}
assert len(hosts) == int(sys.argv[3]) and not any(host.problem for host in hosts.values()), next(iter(hosts.values()))
live = Live(ServerInfo("vbo.example.com", 8, "8.5.0.1014"), {}, hosts, {})
plan = make_plan(inventory, live, Recall(), access=inventory.access,
                 judge=lambda system, facts, fields: judge(playbooks[system], facts, fields, build="8.5.0.1014"))
renderer("human")(plan_to_json(plan), Style())
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\nUsePAM no\n"
        f"StrictModes no\nAuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nMaxStartups 500\n"
        "PermitRootLogin yes\nUseDNS no\n",
        encoding="utf-8",
    )
    server = subprocess.Popen([shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", str(folder / "sshd_config")])
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.05)
    raise RuntimeError("sshd did not start")


def inventory(folder: Path, count: int, port: int) -> Path:
    key = " ".join((folder / "host.pub").read_text(encoding="utf-8").split()[:2])
    lines = [
        "version: 1",
        "name: bench",
        "server: {host: localhost, credentials: admin}",
        "credentials:",
        "  admin: {username: admin, password: secret://env/NONE}",
        f"  linux: {{username: {getuser()}, private_key: secret://file/user}}",
        "proxies:",
    ]
    for n in range(count):
        reach = f'{{address: 127.0.0.1, port: {port}, host_keys: ["{key}"]}}'
        lines.append(
            f"  px-{n:03}: {{host: px-{n:03}.example.net, os: linux, type: workgroup, credentials: linux, "
            f"connection: {reach}}}"
        )
    file = folder / "inventory.yml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=50)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    facts = Path(__file__).parents[2] / "playbooks" / "linux" / "facts.sh"
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        server = start(folder, port)
        try:
            file = inventory(folder, options.count, port)
            login = [getuser(), str(port), str(folder / "user"), str(options.count), str(options.threads)]
            commands = {
                "plan": [sys.executable, "-c", _PLAN, str(file), str(options.threads), str(options.count)],
                "bare, true": [sys.executable, "-c", _BARE, *login, ""],
                "bare, same script": [sys.executable, "-c", _BARE, *login, str(facts)],
            }
            times: dict[str, list[float]] = {label: [] for label in commands}
            for _ in range(options.repeat + 1):
                for label, command in commands.items():
                    times[label].append(seconds(command))
        finally:
            server.terminate()
            server.wait()
    medians = {label: statistics.median(runs[1:]) for label, runs in times.items()}
    for label, median in medians.items():
        sys.stdout.write(f"{label:20} {options.count} hosts  {median:6.2f} s   ratio {medians['plan'] / median:.2f}\n")
    sys.stdout.write(json.dumps({label: round(median, 3) for label, median in medians.items()}) + "\n")
    return 0 if medians["plan"] <= 1.2 * medians["bare, same script"] else 1


if __name__ == "__main__":
    sys.exit(main())
