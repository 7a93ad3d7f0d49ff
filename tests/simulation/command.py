"""Storms in simulated time, one seed after the other.

A step is an event that happened to a world (`events.EVENTS`) and everything that must hold checked after it; what the
applies, the server and the hosts do meanwhile is part of the step, and so is the peace at the end of each storm.

A failure prints its seed, and the shortest list of events that still fails. `--only` runs one seed and prints its log.
Each storm has a separate process that begins where this one stands after its first storms: what ran before a seed
changes nothing of it.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import logging
import os
import selectors
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulation import remembered
from tests.simulation.events import Event, shrunk
from tests.simulation.journal import listen_to_journal
from tests.simulation.running import Beginning, answered, of_seed, run_storm
from tests.simulation.week import run_week
from tests.simulation.world import install

_WARM = (-1, -2)
"""Seeds that import what is imported on use, and fill caches."""
_SHRINKING = 60.0
"""Seconds for finding a shorter list."""
_HANGS = 3600
"""Seconds after which a storm shows where it hangs, and ends."""


@dataclass
class Outcome:
    """What a storm's process sends back."""

    broken: str
    taken: dict[str, int]
    log: list[str]


def main() -> None:
    asked = argparse.ArgumentParser(prog="simulation")
    asked.add_argument("--seed", type=int, default=1, help="the first seed")
    asked.add_argument("--steps", type=int, default=1000, help="events in all, at least")
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="storms at a time")
    asked.add_argument("--only", action="store_true", help="this seed alone, with its log")
    asked.add_argument("--answers", action="store_true", help="what the world of this seed answers after an apply")
    asked.add_argument("--week", type=int, metavar="CYCLES", help="`watch` over three servers, with this seed")
    asked.add_argument("--no-shrink", action="store_true")
    asked.add_argument("--go-on", action="store_true", help="do not stop at a failure")
    given = asked.parse_args()
    install()
    listen_to_journal()
    remembered.install()
    logging.disable(logging.CRITICAL)
    gc.disable()  # what a collection deletes has effects: it must not come at any moment
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="simulation-", dir=shared if shared.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        for seed in _WARM:
            run_storm(seed, of_seed(seed)[0], Path(folder, "warm"), Beginning(2))
        gc.collect()
        gc.freeze()
        if given.answers:
            _say(json.dumps(answered(given.seed, Path(folder, "world"))))
            code = 0
        elif given.week:
            code = _week(given, Path(folder))
        else:
            code = _only(given.seed, Path(folder)) if given.only else _run(given, Path(folder))
    sys.stdout.flush()
    os._exit(code)  # threads of the simulation wait for a turn that does not come


def _only(seed: int, folder: Path) -> int:
    events, beginning = of_seed(seed)
    outcome = _apart(seed, events, folder, beginning)
    _say("\n".join(outcome.log))
    return 1 if outcome.broken else 0


def _week(given: argparse.Namespace, folder: Path) -> int:
    week, broken = run_week(folder, given.seed, given.week)
    if given.only or broken:
        _say("\n".join(week.log if given.only else week.log[-40:]))
    _say(", ".join(f"{count} x {name}" for name, count in sorted(week.taken.items())))
    _say(f"{week.cycles} cycles; " + ", ".join(f"{name}: {count}" for name, count in sorted(week.checked.items())))
    _say(broken or "everything held")
    return 1 if broken else 0


def _run(given: argparse.Namespace, folder: Path) -> int:
    failures, began = 0, time.perf_counter()
    taken: Counter[str] = Counter()
    for seed, outcome in _storms(given.seed, given.jobs, folder):
        taken.update(outcome.taken)
        if outcome.broken:
            failures += 1
            steps = sum(outcome.taken.values())
            _say(f"seed {seed}, after {steps} events: {outcome.broken}")
            if not given.no_shrink:
                _shrink(seed, of_seed(seed)[0][:steps], folder, outcome.broken)
            _say(f"To replay it with its log: make simulate SEED={seed}")
        if taken.total() >= given.steps or (outcome.broken and not (given.go_on and outcome.taken)):
            break
    seconds = time.perf_counter() - began
    _say(", ".join(f"{count} x {name}" for name, count in sorted(taken.items())))
    _say(f"{taken.total()} steps, {failures} failures")
    sys.stderr.write(f"{seconds:.1f} s, {taken.total() / seconds * 3600:,.0f} steps an hour\n")
    return 1 if failures else 0


def _storms(seed: int, jobs: int, folder: Path) -> Iterator[tuple[int, Outcome]]:
    """The storms of all seeds from `seed` on, in their order, `jobs` at a time: a long one does not hold up others."""
    running: dict[int, tuple[int, int]] = {}
    contents: dict[int, bytes] = {}
    ended: dict[int, Outcome] = {}
    following, pipes = seed, selectors.DefaultSelector()
    try:
        while True:
            while len(running) < max(1, jobs):
                events, beginning = of_seed(following)
                running[following] = _fork(following, events, folder, beginning)
                contents[following] = b""
                pipes.register(running[following][1], selectors.EVENT_READ, following)
                following += 1
            for key, _ in pipes.select():
                if part := os.read(key.fd, 1 << 20):
                    contents[key.data] += part
                else:
                    pipes.unregister(key.fd)
                    ended[key.data] = _outcome(*running.pop(key.data), contents.pop(key.data))
            while seed in ended:
                yield seed, ended.pop(seed)
                seed += 1
    finally:
        for number, (child, pipe) in running.items():
            _outcome(child, pipe, contents[number])


def _apart(seed: int, events: Sequence[Event], folder: Path, beginning: Beginning) -> Outcome:
    return _outcome(*_fork(seed, events, folder, beginning))


def _fork(seed: int, events: Sequence[Event], folder: Path, beginning: Beginning) -> tuple[int, int]:
    """A process that runs a storm, and the pipe with its outcome."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        return child, out
    try:
        os.close(out)
        faulthandler.dump_traceback_later(_HANGS, exit=True)
        storm, broken = run_storm(seed, events, folder / f"storm-{os.getpid():010}", beginning)
        outcome: dict[str, Any] = {"broken": broken, "taken": storm.taken, "log": storm.world.log}
        with os.fdopen(into, "w", encoding="utf-8") as stream:
            json.dump(outcome, stream)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(0)


def _outcome(child: int, pipe: int, begun: bytes = b"") -> Outcome:
    """What the pipe has, of which the beginning may have been read."""
    with os.fdopen(pipe, "rb") as stream:
        text = begun + stream.read()
    os.waitpid(child, 0)
    return Outcome(**json.loads(text)) if text else Outcome("the process of the storm ended early: see above", {}, [])


def _shrink(seed: int, events: list[Event], folder: Path, broken: str) -> None:
    kind, end, beginning = broken[:40], time.perf_counter() + _SHRINKING, of_seed(seed)[1]

    def fails(shorter: list[Event]) -> bool:
        in_time = time.perf_counter() < end
        return in_time and _apart(seed, shorter, folder, beginning).broken[:40] == kind

    shortest = [events, *shrunk(events, fails)][-1]
    _say("The shortest list of events that still fails:")
    _say("\n".join(f"  {event}" for event in shortest))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
