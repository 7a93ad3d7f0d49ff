"""Running command lines in tests: with streams to look at, in a world made up by the test."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from reconciler.cli.boundary import run
from reconciler.cli.console import Console
from reconciler.kinds.naming import Naming
from reconciler.kinds.states import job_state
from reconciler.model.connection import Access, Credential, Server
from reconciler.model.inventory import Inventory, Policy, Resource
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.model.secret import SecretRef


class Stream(io.StringIO):
    """A stream that may claim to be a terminal."""

    def __init__(self, text: str = "", *, terminal: bool = False) -> None:
        super().__init__(text)
        self.terminal = terminal

    encoding = "utf-8"

    def isatty(self) -> bool:
        return self.terminal


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


def call(
    *arguments: str, answer: str = "", terminal: bool = False, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a command line. With `terminal`, a person sits there and types `answer`."""
    out, err = Stream(terminal=terminal), Stream(terminal=terminal)
    environment = environment or {"TERM": "dumb", "XDG_STATE_HOME": "/dev/null/nowhere"}
    console = Console(out, err, Stream(answer, terminal=terminal), environment)
    code = run(list(arguments), console)
    return Ended(code, out.getvalue(), err.getvalue())


LOGIN = Credential("admin", "CORP\\svc", SecretRef("env", "VBO_PASSWORD"))
ACCESS = Access(Server("vbo01.corp.example.com", LOGIN), {}, {"admin": LOGIN}, {}, "/nowhere")
SERVER = ServerInfo("vbo01.corp.example.com", 8, "8.5.0.1014")


def inventory(*jobs: str) -> Inventory:
    """An inventory that declares some jobs."""
    resources = [Resource("job", name, {"name": name, "organization": "contoso.example.com"}) for name in jobs]
    return Inventory("corp", ACCESS, {job.address: job for job in resources}, Policy(), ("corp.yml",), "0")


def live_job(name: str, **raw: Any) -> LiveResource:
    fields = {"name": name, "organization": "contoso.example.com", "repository": "disk", "enabled": True}
    return LiveResource("job", name, f"id-{name}", fields, state=job_state(raw, 8))


@dataclass
class FakeLab:
    sent: list[dict[str, Any]] = field(default_factory=list)

    def mails(self) -> list[dict[str, Any]]:
        return list(self.sent)


@dataclass
class FakeAppliedState:
    """What `Remember` asks of a applied_state."""

    rows: dict[str, dict[str, str]] = field(default_factory=dict)

    def under(self, lock: Any) -> FakeAppliedState:
        return self

    def remember(self, scope: str, applied: Mapping[str, Mapping[str, str]], known: object = None) -> None:
        self.rows |= {where: dict(row) for where, row in applied.items()}

    def forget(self, scope: str, *addresses: str) -> None:
        for address in addresses:
            self.rows.pop(address, None)


@dataclass
class FakeWorld:
    """Stands for `Session`: every look gives the next of `plans`, the last one again and again."""

    plans: list[Plan]
    inventory: Inventory
    lab: FakeLab | None = None
    live: Live = field(default_factory=lambda: Live(SERVER, {}, {}, {}))
    access: Access = ACCESS
    parallel: int = 2
    looks: list[dict[str, Any]] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)
    reader: Any = field(default_factory=lambda: SimpleNamespace(requests={}, installation=""))
    applied_state: FakeAppliedState = field(default_factory=FakeAppliedState)
    journal: Any = None
    opened: dict[str, Any] = field(default_factory=dict)
    rescanned: list[list[str]] = field(default_factory=list)

    def plan(self, request: Any = None, **options: Any) -> Any:
        from reconciler.operations.session import PlanResult

        self.looks.append({"request": request, **options})
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        return PlanResult(self.live, Recall(), plan, "scope", plan)

    def carry_over(self) -> None:
        """Nothing was recorded before the server showed its installation."""

    def observe_server(self) -> Live:
        return self.live

    def rescan(self, _live: Live, proxies: Sequence[str]) -> None:
        self.rescanned.append(list(proxies))

    def apply_context(self, live: Live, permit: object = None) -> Any:
        import threading

        self.wrote.append("site")

        class ApplyContext:
            stop = threading.Event()
            naming = Naming(8, ACCESS)
            sessions = SimpleNamespace(close=lambda: None)

        return ApplyContext()

    def writer(self) -> Any:
        world = self

        class Writer:
            def act(self, path: str, action: str) -> dict[str, Any]:
                world.wrote.append(f"{path}/{action}")
                if world.lab:
                    world.lab.sent.append(
                        {"proxy": "server", "from": "a@example.com", "to": ["b@example.com"], "subject": "Test"}
                    )
                return {}

        return Writer()


def install(monkeypatch: Any, world: FakeWorld, found: list[Any] | None = None) -> None:
    """Let commands find `world`, and the inventory that it is about, whatever path they are given. The journal is a
    real one, for as long as the command runs, unless the test brings its own."""
    import reconciler.operations.inventory_loader
    import reconciler.operations.session
    from reconciler.journal import Journal

    @contextmanager
    def open_session(inventory: Inventory, runtime: Any, **options: Any) -> Iterator[FakeWorld]:
        world.opened = options
        if world.journal is not None:
            yield world
            return
        with TemporaryDirectory() as folder, Journal.open(f"{folder}/journal.db") as world.journal:
            yield world
        world.journal = None

    def read(path: Path, **options: Any) -> Any:
        return (world.inventory, found or [])

    monkeypatch.setattr(reconciler.operations.inventory_loader, "read_inventory", read)
    monkeypatch.setattr(reconciler.operations.session, "open_session", open_session)
