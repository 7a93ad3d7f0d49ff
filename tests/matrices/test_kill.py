"""An apply is killed before or after its side effects; the next run ends in the declared world, nothing is done twice,
and the journal reports what happened.

In CI that is a sample on real sockets and processes, with kills before and after side effects, one by one and in
parallel; with `LENGTH=all` it is every moment of every one. Simulated time has the many: kills at each kind of side
effect (`tests/simulation`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import Any, Self

import pytest

from tests.length import ALL
from tests.matrices.killing import Story, Task
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix
ROOT = Path(__file__).parents[2]
IDENT = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
KILLS = 3
"""Kill points of the sample in each world."""


class Tellers:
    """Processes that do tasks, two for each processor: half of a task is waiting for a lease to end."""

    def __init__(self) -> None:
        self._free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        self.size = 2 * (os.cpu_count() or 1)

    def __enter__(self) -> Self:
        command, pipe = [sys.executable, "-m", "tests.matrices.killing"], subprocess.PIPE
        for _number in range(self.size):
            self._free.put(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT))
        return self

    def __exit__(self, *_: object) -> None:
        for _number in range(self.size):
            self._free.get().communicate()

    def report(self, task: Task) -> Story:
        teller = self._free.get()
        try:
            assert teller.stdin
            assert teller.stdout
            teller.stdin.write(json.dumps(asdict(task)) + "\n")
            teller.stdin.flush()
            return Story(**json.loads(teller.stdout.readline()))
        finally:
            self._free.put(teller)

    def all(self, tasks: list[Task]) -> Iterator[tuple[Task, Story]]:
        with ThreadPoolExecutor(self.size) as pool:
            yield from zip(tasks, pool.map(self.report, tasks), strict=True)


@pytest.fixture(scope="module")
def tellers() -> Iterator[Tellers]:
    with Tellers() as running:
        yield running


def fresh(folder: Path) -> None:
    """The demo inventory in a world where nothing of it exists."""
    rehearsal = Rehearsal.of(folder, INVENTORIES / "demo.yml")
    assert rehearsal.plan()["counts"]["create"] > 0


def outdated(folder: Path) -> None:
    """The demo as it was applied; then the server was upgraded and the inventory edited: proxies are drained, upgraded
    and given back, a pool loses a member, objects change."""
    rehearsal = Rehearsal.of(folder, INVENTORIES / "demo.yml")
    rehearsal.set("server", "repository_upgrades=by hand")  # each effect is counted: the server must not come first
    assert rehearsal.apply().code == 0
    rehearsal.set("server", "build=8.5.0.2000")
    rehearsal.replace("throttle: 100 Mbps", "throttle: 20 MB/s")
    rehearsal.replace("to: [backup-team@corp.example.com]", "to: [night@corp.example.com]")
    assert rehearsal.plan()["counts"]["upgrade"] > 0


WAIVED = ("--waive", "coverage=some organizations of the demo have one proxy")


@pytest.mark.parametrize(("world", "options"), [(fresh, ()), (outdated, WAIVED)])
def test_killed_at_side_effects(
    world: Callable[[Path], None],
    options: tuple[str, ...],
    tellers: Tellers,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = tmp_path / "base"
    world(base)
    whole = tellers.report(Task(str(base), str(tmp_path / "whole"), 0, "never", options=options))
    assert (whole.died, whole.left, [run["state"] for run in whole.runs[-1:]]) == (0, [], ["done"]), whole.said
    assert len(whole.effects) >= 10
    tasks = [
        Task(str(base), str(tmp_path / f"{effect}-{when}"), effect, when, resume=effect % 2 == 0, options=options)
        for effect in range(1, len(whole.effects) + 1)
        for when in ("before", "after")
    ]
    tasks += [
        Task(str(base), str(tmp_path / f"{effect}-parallel"), effect, "after", parallel=True, options=options)
        for effect in range(1, len(whole.effects) + 1)
    ]
    if not ALL:
        tasks = sample(tasks, whole.effects, Random(world.__name__))
    wrong = [
        f"{task.effect} {task.when}{' in parallel' if task.parallel else ''} ({answer.effects[-1:]}): {problem}"
        for task, answer in tellers.all(tasks)
        for problem in problems(task, answer, whole)
    ]
    record_property("kill points", len(tasks))
    with capsys.disabled():
        sys.stdout.write(f"\n{world.__name__}: {len(tasks)} kill points at {len(whole.effects)} side effects\n")
    assert wrong == []


def sample(tasks: list[Task], effects: list[str], random: Random) -> list[Task]:
    """Kills before and after side effects, alone and in parallel, each at another kind of side effect, in the order of
    their effects."""
    random.shuffle(tasks)
    seen: set[object] = set()
    chosen: list[Task] = []
    for wants_new_moment in (True, False):
        for task in tasks:
            kind, moment = kind_of(effects[task.effect - 1]), (task.when, task.parallel)
            if len(chosen) < KILLS and kind not in seen and (moment not in seen or not wants_new_moment):
                chosen.append(task)
                seen |= {kind, moment}
    return sorted(chosen, key=lambda task: task.effect)


def kind_of(effect: str) -> str:
    """`POST Proxies/8a52…/maintenance/enable` to `POST Proxies//maintenance/enable`, `script on px-1` to `script`."""
    method, _, path = effect.partition(" ")
    return method if method == "script" else f"{method} {re.sub(IDENT, '', path)}"


def problems(task: Task, answer: Story, whole: Story) -> Iterator[str]:
    """What is not as it should be, in words."""
    if answer.died != 9:
        yield f"it was not killed ({answer.said})"
        return
    if answer.code != 0:
        yield f"the next run ended with {answer.code}: {answer.said[-2000:]}"
    if answer.left:
        yield f"this still differs: {answer.left}"
    if answer.created != whole.created:
        yield f"made {answer.created} instead of {whole.created}"
    if answer.bugs:
        yield f"{answer.bugs} bugs of the lab"
    yield from untrue(task, answer, answer.runs[len(whole.runs) - 1 :])


def untrue(task: Task, answer: Story, runs: list[dict[str, Any]]) -> Iterator[str]:
    """Where the journal says something else than what happened. `runs` are those that the task made."""
    killed, after = runs[0], runs[1:]
    finished = all(change["state"] == "done" for change in killed["changes"])
    states = [run["state"] for run in runs]
    if states != (["killed"] if finished else ["killed", "done"]):  # with nothing left to do no second run starts
        yield f"the runs are {states}"
    if [run["resumes"] for run in after] != [killed["id"] if task.resume else ""] * len(after):
        yield f"the second run resumes {after[0]['resumes']!r}"
    steps = [step for change in killed["changes"] for step in change["steps"]]
    done = Counter(step["text"] for step in steps if step["ended"])
    flying = Counter(
        step["text"]
        for change in killed["changes"]
        if change["state"] == "in flight"
        for step in change["steps"]
        if not step["ended"]
    )
    ended, under_way = Counter(answer.ended), Counter(answer.begun) - Counter(answer.ended)
    # in parallel another step may just have been announced and not begun, or have ended and not been noted
    loosely = done <= ended and under_way <= flying
    honest = loosely if task.parallel else (done, flying) == (ended, under_way)
    if not honest:
        yield f"the journal has {done} and in flight {flying}; ended was {ended}, and under way {under_way}"
