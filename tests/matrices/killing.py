"""An apply that kills itself, SIGKILL and all, at one chosen moment; the lab that goes on without it; and the next run.

Run as a program it reads tasks as lines of JSON and answers each with one: see `Task` and `Story`. Everything is
imported once; each task then has separate forked processes: the lab, the apply that dies, the one after it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from reconciler.model.step import Step

LEASE = 1.0
"""Seconds that the lock of the killed run lasts; the next run waits for its end."""
_TOO_LONG = 180
WARM = (
    "aiosmtpd.controller",
    "asyncssh",
    "spnego",
    "reconciler.cli.apply",
    "reconciler.cli.plan",
    "reconciler.lab.lab",
    "reconciler.observe",
)
"""What takes its time to be imported."""


@dataclass(frozen=True)
class Task:
    """`base` is a folder with an inventory and its lab, `folder` the copy to work in. `effect` counts from 1; `when` is
    `before` or `after` it. With `parallel` as many changes run as usual, else one by one.
    `options` are those of every apply."""

    base: str
    folder: str
    effect: int
    when: str
    resume: bool = False
    parallel: bool = False
    options: tuple[str, ...] = ()


@dataclass
class Story:
    """What happened. `died` is the signal that ended the first apply, `effects` what it did until then, `begun` and
    `ended` the steps that it went through. `runs` are those of the journal, oldest first. `created` is what the lab
    counted: POSTs that make something or start a job, by path."""

    died: int = 0
    effects: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    code: int = -1
    said: str = ""
    left: list[str] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    created: dict[str, int] = field(default_factory=dict)
    bugs: int = 0


def report(task: Task) -> Story:
    """Do all of a task, in this process and its children."""
    folder = Path(task.folder)
    shutil.copytree(task.base, folder)
    story = Story()
    with _lab(folder) as count:
        story.died = fork_and_die(lambda: _apply_and_die(folder, task))
        if not story.died:
            story.said = (folder / "said.log").read_text(encoding="utf-8")
        else:
            again = ["--lock-wait", "30", *task.options, *(("--resume", "last") if task.resume else ())]
            story.code, story.said = fork(lambda: _apply(folder, *again))
        story.left = fork(lambda: _left(folder))
        story.created, story.bugs = count()
    log = folder / "effects.log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for kind, _, text in (line.partition(" ") for line in lines):
        getattr(story, kind).append(text)
    story.runs = fork(lambda: _runs(folder))
    shutil.rmtree(folder)
    return story


def _call(folder: Path, *arguments: str) -> tuple[int, str, str]:
    from tests.scenarios.rehearsal import Rehearsal

    ended = Rehearsal(folder).run(*arguments)
    return ended.code, ended.out, ended.err


def _apply(folder: Path, *more: str) -> tuple[int, str]:
    from reconciler.operations import locked_run

    locked_run.LEASE = LEASE
    code, out, err = _call(folder, "apply", "--lab", str(folder / "inventory.yml"), "--auto-approve", *more)
    return code, out + err


def _left(folder: Path) -> list[str]:
    """What the next plan would change."""
    _, out, err = _call(folder, "plan", "--lab", str(folder / "inventory.yml"), "--format", "json")
    return [change["key"] for change in json.loads(out)["changes"]] if out else [err]


def _runs(folder: Path) -> list[dict[str, Any]]:
    """The runs of the journal, oldest first."""
    from reconciler.journal import Journal
    from reconciler.render.runs import run_json

    (place,) = folder.rglob("journal.db")
    with Journal.open(place) as journal:
        return [run_json(journal.run(run.id)) for run in reversed(journal.runs())]


def _apply_and_die(folder: Path, task: Task) -> None:
    """An apply with a trap at every side effect: requests that write, and scripts that change a host."""
    import reconciler.apply
    from reconciler.apply.context import ApplyContext
    from reconciler.apply.steps import RUN
    from reconciler.clients.vbo.session import Session

    trap = _Trap(folder / "effects.log", task.effect, task.when)
    write, host, server_host = Session.write, ApplyContext.host, ApplyContext.server_host
    apply = reconciler.apply.apply

    def writing(self: Session, method: str, path: str, *args: Any, **more: Any) -> Any:
        if path == "Proxies/Rescan":  # a look of the server, which a slow machine needs and a fast one does not
            return write(self, method, path, *args, **more)
        with trap.around(f"{method} {path}"):
            return write(self, method, path, *args, **more)

    @contextmanager
    def hosting(self: ApplyContext, name: str) -> Iterator[Any]:
        with host(self, name) as session:
            yield _Host(session, trap, name)

    @contextmanager
    def server_hosting(self: ApplyContext) -> Iterator[Any]:
        with server_host(self) as session:
            yield _Host(session, trap, self.access.server.host)

    def one_by_one(*args: Any, **more: Any) -> Any:
        return apply(*args, **{**more, "parallel": 1})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "write", writing)
        patch.setattr(ApplyContext, "host", hosting)
        patch.setattr(ApplyContext, "server_host", server_hosting)
        if not task.parallel:
            patch.setattr(reconciler.apply, "apply", one_by_one)
        for verb, do in list(RUN.items()):
            patch.setitem(RUN, verb, trap.step(do))
        (folder / "said.log").write_text(_apply(folder, *task.options)[1], encoding="utf-8")


class _Host:
    """A session on a host whose scripts are side effects, unless they only look, as often as they need to."""

    def __init__(self, session: Any, trap: _Trap, name: str) -> None:
        self._session, self._trap, self._name = session, trap, name

    def execute(self, script: Any, params: Any, *, deadline: float) -> Any:
        if params.get("start") is False:
            return self._session.execute(script, params, deadline=deadline)
        with self._trap.around(f"script on {self._name}"):
            return self._session.execute(script, params, deadline=deadline)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class _Trap:
    """Writes down what happens, and kills the process at the moment that it was set to."""

    def __init__(self, log: Path, effect: int, when: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._moment = (effect, when)
        self._count = 0
        self._lock = Lock()

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        with self._lock:
            self._count += 1
            number = self._count
            self._write("effects", what)
        self._spring(number, "before")
        yield
        self._spring(number, "after")

    def step(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def doing(context: Any, step: Step, report: Any) -> Any:
            self._write("begun", step.text)
            result = do(context, step, report)
            self._write("ended", step.text)
            return result

        return doing

    def _spring(self, number: int, when: str) -> None:
        if (number, when) == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, kind: str, text: str) -> None:
        os.write(self._log, f"{kind} {text}\n".encode())


@contextmanager
def _lab(folder: Path) -> Iterator[Callable[[], tuple[dict[str, int], int]]]:
    """The lab of the inventory in its own process, as `lab serve` has it; yields what ends it and counts."""
    (shown, reply), (hear, ask) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(shown)
        os.close(ask)
        exit_with(lambda: _serve(folder, reply, hear))
    os.close(reply)
    os.close(hear)
    with os.fdopen(shown) as answers, os.fdopen(ask, "w") as questions:
        if answers.readline() != "ready\n":
            raise RuntimeError("the lab did not come up")

        def count() -> tuple[dict[str, int], int]:
            questions.write("count\n")
            questions.flush()
            created, bugs = json.loads(answers.readline())
            return created, bugs

        yield count
    os.waitpid(pid, 0)


def _serve(folder: Path, reply: int, hear: int) -> None:
    from reconciler.lab.lab import Lab
    from reconciler.operations.inventory_loader import read_inventory

    inventory, _ = read_inventory(folder / "inventory.yml", lab=True)
    assert inventory
    place = folder / "state" / "vbo-reconcile" / "lab" / inventory.name
    with Lab.open(inventory, place) as lab, os.fdopen(reply, "w") as answers, os.fdopen(hear) as questions:
        world: Any = lab._world
        server = world._lab._server
        answers.write("ready\n")
        answers.flush()
        for _ in questions:
            made = {
                path: times
                for (method, path, status), times in sorted(server.requests.items())
                if method == "POST" and (status == 201 or (status == 200 and path.endswith("/start")))
            }
            answers.write(json.dumps([made, len(server.bugs)]) + "\n")
            answers.flush()


def fork(work: Callable[[], Any]) -> Any:
    """What `work` gives, done in a child."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)

        def answer() -> None:
            with os.fdopen(writing, "w") as stream:
                json.dump(work(), stream)

        exit_with(answer)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def fork_and_die(work: Callable[[], None]) -> int:
    """The number of the signal that ended a child that does `work`, 0 where it came to its end."""
    pid = os.fork()
    if pid == 0:
        exit_with(work)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def exit_with(work: Callable[[], None]) -> None:
    """Do it in a forked child, and never come back."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def serve_tasks() -> None:
    """Answer tasks until the input ends. A task that takes too long, or breaks, is answered with an empty story."""
    for name in WARM:
        import_module(name)
    for line in sys.stdin:
        task = Task(**json.loads(line))

        def work(task: Task = task) -> dict[str, Any]:
            signal.alarm(_TOO_LONG)
            return asdict(report(task))

        try:
            story = fork(work)
        except ValueError:
            story = asdict(Story(said="the task did not come to its end"))
        sys.stdout.write(json.dumps(story) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve_tasks()
