"""What a seed makes: an inventory, the hosts and the server that it is about, and the applies that run against them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sqlite3
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Protocol, TextIO, cast

import httpx

from reconciler import randomness, timing
from reconciler.cli.boundary import run as call
from reconciler.cli.console import Console
from reconciler.cli.interrupts import Interrupts
from reconciler.lab.hosts.sessions import Worker
from reconciler.lab.pki import Authority
from reconciler.lab.server import LabServer, Seed
from reconciler.lab.server.dispatch import Dispatcher
from reconciler.lab.state import Document
from reconciler.model.plan import Plan
from tests.simulation import hosts as hosts_module
from tests.simulation.hosts import LAB, Fleet, Host, Session, elsewhere
from tests.simulation.scheduler import Killed, Process, Task, scheduler
from tests.simulation.transport import Sender, Transport

LONGEST = 6 * 3600.0
"""Seconds that an apply may take, whatever happens: twice the longest deadline of a request, and an outage for each."""
SERVER = "vbo.example.com"
ADMIN = "EXAMPLE\\svc-vbo"
SECRETS = {"VBO_PASSWORD": "pw-Zq81-vbo", "LINUX_KEY": "key-Yk27-linux"}
SECRETS |= {"OTHER_PASSWORD": "pw-Wd35-other", "OTHER_KEY": "key-Rn62-other"}
OTHERS = {"admin": "other", "other": "admin", "linux": "other-linux", "other-linux": "linux"}
"""Logins to hosts that take the place of each other."""
ACCOUNTS = {ADMIN: "VBO_PASSWORD", "EXAMPLE\\svc-other": "OTHER_PASSWORD", "backup": "LINUX_KEY", "other": "OTHER_KEY"}
"""Accounts of hosts, and where the program finds the password or the key of each."""
BUILDS = {
    8: ("8.5.0.1014", "8.5.0.1020", "8.6.0.100", "8.6.0.200", "8.7.0.100"),
    7: ("7.1.0.1301", "7.1.0.1401", "7.1.0.1501"),
    6: ("6.0.0.367", "6.0.0.379", "6.0.0.385"),
    5: ("5.0.0.0",),
}
"""Builds of a server by the newest REST version that it serves."""
_KEY = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(range(32))
hosts_module.HOST_KEY = base64.b64encode(_KEY).decode()
hosts_module.FINGERPRINT = "SHA256:" + base64.b64encode(hashlib.sha256(_KEY).digest()).decode().rstrip("=")


class Memory(Document):
    """A document that is on no disk."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.data: dict[str, Any] = {}

    def save(self) -> bool:
        return True


@cache
def certificate(folder: Path) -> str:
    identity = Authority(folder).self_signed("server")
    return (identity.cert_pem + identity.key_pem).decode()


def of_site(wanted: dict[str, Any], site: str) -> dict[str, Any]:
    """The inventory with the names of a site: no host of two sites has the same name."""
    moved: dict[str, Any] = json.loads(json.dumps(wanted).replace(".example.", f".{site}.example."))
    return moved | {"name": site}


def drawn_inventory(random: Random, organizations: int, rest: int) -> dict[str, Any]:
    """Organizations with their own Windows proxies, and with pools of Linux proxies where REST has pools."""
    retention = {"type": "item-level", "keep": "3 years"}
    wanted: dict[str, Any] = {
        "version": 1,
        "name": "sim",
        "server": {"host": SERVER, "credentials": "admin", "powershell": {"credentials": "admin"}},
        "credentials": {
            "admin": {"username": ADMIN, "password": "secret://env/VBO_PASSWORD"},
            "linux": {"username": "backup", "private_key": "secret://env/LINUX_KEY", "sudo": True},
            "other": {"username": "EXAMPLE\\svc-other", "password": "secret://env/OTHER_PASSWORD"},
            "other-linux": {"username": "other", "private_key": "secret://env/OTHER_KEY", "sudo": True},
        },
        **{kind: {} for kind in ("proxies", "pools", "repositories", "organizations", "jobs")},
        "smtp": {"server": "smtp.example.com", "port": 587, "security": "tls", "credentials": "admin"}
        | {"from": "vbo@example.com", "to": ["it@example.com"], "notify": ["warning", "failure"]},
        "policy": {"max_deletes": 100, "max_changes": "100%"},
    }
    key = f"ssh-ed25519 {hosts_module.HOST_KEY}"
    for number in range(organizations):
        organization, pooled = f"org-{number}.example.com", random.random() < 0.5 and rest >= 8
        wanted["organizations"][organization] = {}
        login = random.choice(["admin", "other"])
        for index in range(random.randint(2, 3)):
            name = f"px-{number}-{index}"
            if pooled:
                wanted["proxies"][name] = {
                    "host": f"{name}.example.net",
                    "os": "linux",
                    "type": "workgroup",
                    "credentials": "linux",
                    "pool": f"pool-{number}",
                    "connection": {"host_keys": [key]},
                }
                continue
            wanted["proxies"][name] = {"host": f"{name}.example.com", "type": "domain", "credentials": login}
            wanted["repositories"][name] = {"proxy": name, "path": f"D:\\{name}", "retention": dict(retention)}
            item = ("mailbox", "onedrive", "sites")[index]
            wanted["jobs"][name] = _job(organization, name, [item])
        if pooled:
            wanted["pools"][f"pool-{number}"] = {"description": "object storage"}
            storage = {"type": "s3-compatible", "account": "minio", "endpoint": "https://s3.example.net"}
            storage |= {"bucket": "vbo", "folder": f"org-{number}"}
            repository = {"pool": f"pool-{number}", "object_storage": storage, "retention": dict(retention)}
            wanted["repositories"][f"pool-{number}"] = repository
            wanted["jobs"][f"pool-{number}"] = _job(organization, f"pool-{number}", ["mailbox"])
    return {key: value for key, value in wanted.items() if value != {}}


def _job(organization: str, repository: str, items: list[str]) -> dict[str, Any]:
    when = {"schedule": {"daily": "22:00"}, "run": "on-change"}
    return {"organization": organization, "repository": repository, "items": items, **when}


@dataclass
class Run:
    """One apply as a process. `ended` is how: an exit code, or what it raised; `writes` what it did on the server."""

    name: str
    process: Process
    began: float
    task: Task | None = None
    console: Console = field(default_factory=Console)
    ended: str = ""
    ended_at: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    plan: Plan | None = None
    writes: list[tuple[str, str, int]] = field(default_factory=list)
    seen_writes: int = 0
    """How many of them were checked."""
    starts: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)
    is_resumed: bool = False
    sessions_before: frozenset[str] = frozenset()
    served_before: frozenset[str] = frozenset()
    """The organizations that a proxy worked for when it began."""
    crashes_before: int = 0
    """How often the server had crashed when it began."""
    signalled: bool = False
    was_killed: bool = False
    stood_still: bool = False
    readers_lost: set[str] = field(default_factory=set)
    writes_left: int = -1
    """Until it is killed in the middle of a transaction of the journal; 0 if it was, below 0 if it will not be."""

    def end(self, how: str) -> None:
        self.ended, self.ended_at = self.ended or how, scheduler.now
        self.over.set()

    @property
    def is_over(self) -> bool:
        return bool(self.ended)


class Reader(io.StringIO):
    """Keeps what a run prints, until its reader goes away."""

    encoding = "utf-8"

    def __init__(self, name: str, run: Run, world: World) -> None:
        super().__init__()
        self._name = name
        self._run = run
        self._world = world

    def write(self, text: str) -> int:
        scheduler.check(scheduler.current)
        if self._name in self._run.readers_lost:
            raise BrokenPipeError(32, "Broken pipe")
        self._run.said.append(text)
        if text.strip():
            self._world.note(f"{self._run.name} | {text.strip()}")
        return len(text)


class World:
    """`site` is one of several that a user has: their programs have the state in the folder that is above all."""

    def __init__(self, folder: Path, random: Random, organizations: int, rest: int = 8, site: str = "") -> None:
        self.folder = folder
        self.home = folder.parent if site else folder
        self.random = random
        self.file = folder / "inventory.yml"
        self.rest = rest
        self.wanted = drawn_inventory(random, organizations, rest)
        if site:
            self.wanted = of_site(self.wanted, site)
        self.server_host = str(self.wanted["server"]["host"])
        self.written: list[tuple[float, str, str, str]] = []
        """When a program of ours wrote to the server: the run, the method and the path."""
        self.secrets = dict(SECRETS)
        """What the environment of the program says."""
        self.accounts = {account: SECRETS[name] for account, name in ACCOUNTS.items()}
        """What the hosts accept."""
        self.hosts: dict[str, Host] = {}
        self.runs: list[Run] = []
        self.log: list[str] = []
        self.foreign: dict[str, dict[str, Any]] = {}
        self.disk_full = False
        self.mails: list[bytes] = []
        self._served: Dispatcher | None = None
        self.crashes = 0
        self._rotations = 0
        self.drains: dict[str, Run] = {}
        """Who last switched the maintenance mode of a proxy, by its id."""
        self.process = Process("server")
        with of(LAB):
            self._found()
        self.server_starts()
        self.write()

    def _found(self) -> None:
        server = self._host(self.server_host, "windows", domain=True)
        for proxy in self.wanted["proxies"].values():
            self._host(proxy["host"], proxy.get("os", "windows"), domain=proxy["type"] == "domain")
        self.document = Memory()
        self.fleet = Fleet(self.hosts, self._worker)
        self.server = self._new_server()
        organizations = {name: {"objects": self.random.randint(1, 90)} for name in self.wanted["organizations"]}
        seed = Seed(
            host=self.server_host,
            build=BUILDS[self.rest][0],
            served=tuple(range(5, self.rest + 1)),
            administrators={ADMIN: SECRETS["VBO_PASSWORD"]},
            organizations=organizations,
            accounts={"minio": {"type": "s3-compatible"}},
        )
        self.server.seed(seed)
        self.state["options"] = {
            "put_proxies": self.random.choice(["merge", "replace"]),
            "put_repositories": self.random.choice(["merge", "replace"]),
            "offline_version": self.random.choice(["null", "last"]),
            "maintenance_seconds": 2.0,
        }
        server.manage = self._manage

    def _manage(self, name: str, args: Mapping[str, Any]) -> Any:
        """The module asks the service, and ends with it."""
        if not self.is_serving:
            raise ValueError("Failed to connect to the server: the service is not running.")
        server = self.server
        try:
            return elsewhere(self.process, name, lambda: server.powershell(name, args), LONGEST)
        except ConnectionResetError as error:
            raise ValueError("The connection to the service was lost.") from error

    def _new_server(self) -> LabServer:
        return LabServer(
            self.document,
            self.fleet,
            ssl_context=cast("ssl.SSLContext", None),  # nothing listens
            certificate=lambda: certificate(self.folder.parent / "pki"),
            clock=timing.utc_now,
            new_id=randomness.uuid,
            alive=lambda name: bool(self.hosts[name.lower()].answers_on),
        )

    def _host(self, name: str, system: str, *, domain: bool) -> Host:
        host = self.hosts[name.lower()] = Host(name, system, self.accounts, domain=domain)
        host.state["server"] = self.server_host
        host.changed = self._witness
        return host

    def _witness(self, event: str) -> None:
        if self._served is not None:
            self.server.witness(event)

    def _worker(self, host: str) -> Worker:
        def send(*mail: Any) -> Mapping[str, str]:
            self.mails.append(mail[-1])
            return {}

        return Worker(host, timing.utc_now, timing.sleep, send)

    def rotate(self, account: str, *, declared: bool) -> None:
        """The password of an account is another one on the hosts; `declared`: the program has the new one at once."""
        self._rotations += 1
        self.accounts[account] = f"{SECRETS[ACCOUNTS[account]]}-{self._rotations}"
        if declared:
            self.declare_accounts()

    def declare_accounts(self) -> None:
        """The environment of the program says what the hosts accept."""
        self.secrets |= {ACCOUNTS[account]: secret for account, secret in self.accounts.items()}

    # the server

    @property
    def state(self) -> dict[str, Any]:
        return self.document.data

    def dispatcher(self) -> Dispatcher | None:
        return self._served

    def server_crashes(self) -> None:
        """In the middle of whatever it does."""
        self._served = None
        self.crashes += 1
        scheduler.kill(self.process)

    def server_starts(self, build: str = "") -> None:
        """`build` was installed meanwhile."""
        self.process = Process("server")
        with of(self.process):
            self.server = self._new_server()
            if build:
                self.server.upgrade_server(build)
            self._served = self.server.begin()

    @property
    def is_serving(self) -> bool:
        return self._served is not None

    # the program

    def write(self) -> None:
        """JSON, which is YAML, too, and written faster: a section a line."""
        sections = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in self.wanted.items())
        self.file.write_text(f"---\n{{{sections}}}\n", encoding="utf-8")

    def at(self, host: str) -> World:
        del host
        return self

    def note(self, text: str) -> None:
        self.log.append(f"{scheduler.now:11.3f} {text.replace(str(self.folder), 'FOLDER')}")

    def begin_apply(self, *options: str) -> Run:
        """Start an apply, in a separate process."""
        process = Process(f"apply-{len(self.runs) + 1}")
        run = Run(process.name, process, scheduler.now)
        run.console = self.console(run)
        run.crashes_before = self.crashes
        run.sessions_before = frozenset(self.state.get("sessions", {}))
        seen = (self.state.get("coverage") or {}).get("organizations", {})
        run.served_before = frozenset(name for name, count in seen.items() if count["now"])
        self.runs.append(run)
        run.task = scheduler.spawn(process.name, lambda: self._apply(run, options), process)
        return run

    def _apply(self, run: Run, options: Sequence[str]) -> None:
        """The command line, with streams whose reader may go away."""
        how = "killed"
        try:
            with connected(self, run):
                shared = ["--auto-approve", "--parallelism", "4"]
                how = f"code {call(['apply', str(self.file), *shared, *options], run.console)}"
        except Killed:
            pass
        run.end(how)
        self.note(f"{run.name} ends: {run.ended}")

    def console(self, run: Run) -> Console:
        def leave(code: int) -> None:
            run.ended = f"left with code {code}"
            run.was_killed = True
            scheduler.kill(run.process)
            if scheduler.current.process is run.process:
                raise Killed

        environment = {**self.secrets, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "USER": "u"}
        environment |= {"TERM": "dumb", "PATH": "/usr/bin:/bin"}
        out, err, into = (cast("TextIO", Reader(name, run, self)) for name in ("out", "err", "into"))
        return Console(out, err, into, environment, interrupts=Interrupts(leave))

    @property
    def journal(self) -> Path:
        return self.home / "state" / "vbo-reconcile" / "journal.db"

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        if not self.journal.exists():
            return []
        connection = sqlite3.connect(self.journal)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()


class Surroundings(Protocol):
    """What a process is in: a world, or several of them."""

    disk_full: bool

    def at(self, host: str) -> World:
        """The world that has this host."""

    def note(self, text: str) -> None: ...


_current: dict[Process, tuple[Surroundings, Run]] = {}


def run_of(process: Process) -> tuple[Surroundings, Run] | None:
    return _current.get(process)


@contextmanager
def connected(world: Surroundings, run: Run) -> Iterator[None]:
    _current[run.process] = (world, run)
    try:
        yield
    finally:
        del _current[run.process]


@contextmanager
def of(process: Process) -> Iterator[None]:
    """What happens inside is done by this process: a kill of the other one does not end it."""
    processes = scheduler.current.processes
    processes.append(process)
    try:
        yield
    finally:
        processes.pop()


def _sent(world: World, run: Run) -> Callable[[str, str, bytes, int], None]:
    def hear(method: str, path: str, body: bytes, status: int) -> None:
        is_rescan = path.lower().endswith("/rescan") or body.startswith(b'{"rescan"')
        if method == "GET" or is_rescan or path.lower().endswith(("token", "token/logout")):
            return
        run.writes.append((method, path, status))
        world.written.append((scheduler.now, run.name, method, path))
        parts = path.lower().split("/")
        if parts[1] == "proxies" and "maintenance" in parts:
            world.drains[parts[2]] = run
        if path.lower().endswith("/start") and 200 <= status < 300:
            run.starts[path] += 1

    return hear


def install() -> None:
    """Put the simulation in the place of the network."""
    from reconciler import waits
    from reconciler.clients import host_session, session_pool
    from reconciler.clients.vbo import wire
    from reconciler.journal import lock
    from reconciler.lab.server import repository_upgrades

    class Wire(wire.Wire):
        def __init__(self, server: Any, root: str, *, clock: Any, transport: Any = None) -> None:
            found, run = _current[scheduler.current.process]
            world = found.at(server.host)
            sender = Sender(world.dispatcher, lambda: world.process, _sent(world, run))
            super().__init__(server, root, clock=clock, sender=sender)

    def open_host(connection: Any, context: Any) -> Session:
        world, _ = _current[scheduler.current.process]
        return Session(connection, context, world.at(connection.host).hosts)

    from reconciler.operations.session import Session as Connected

    planned = Connected.plan

    def plan(self: Any, *args: Any, verifies: bool = False, **options: Any) -> Any:
        found = planned(self, *args, verifies=verifies, **options)
        _, run = _current[scheduler.current.process]
        if not verifies:
            run.plan = found.plan
        return found

    from reconciler.operations import git_history, plan_document

    patched: list[tuple[Any, str, Any]] = [
        (plan_document, "history_of", lambda inventory: None),
        (git_history, "history_of", lambda inventory: None),  # a process of the machine
        (Connected, "plan", plan),
        (wire, "Wire", Wire),
        (host_session, "open_host", open_host),
        (session_pool, "open_host", open_host),
        (lock, "this_process", lambda: f"machine {scheduler.current.process.name} 1"),
        (lock, "is_gone", lambda process: False),
        (repository_upgrades, "_POLL_SECONDS", 30.0),  # waits for days of simulated time
        (waits, "TURN", 3600.0),  # a signal of the simulation interrupts a thread where it waits
    ]
    for module, name, value in patched:
        setattr(module, name, value)


class Hand:
    """Another user in the console: requests of a client that is none of ours."""

    def __init__(self, world: World) -> None:
        self._client = httpx.Client(
            base_url=f"https://{world.server_host}/v{world.rest}/",
            transport=Transport(Sender(world.dispatcher, lambda: world.process)),
            timeout=None,  # noqa: S113
        )
        form = {"grant_type": "password", "username": ADMIN, "password": SECRETS["VBO_PASSWORD"]}
        answer = self._client.post("token", data={**form, "disable_antiforgery_token": "true"})
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, path: str) -> httpx.Response:
        return self._client.get(path)

    def listed(self, path: str) -> list[dict[str, Any]]:
        found = self.request("GET", path)
        items: list[dict[str, Any]] = found["results"] if isinstance(found, dict) else found
        return items

    def request(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None
