"""Forked processes that run tests, watched from outside: each test has its time, and must pass without the mutant.

The time of a test is that of the processor, which the load of the machine does not change. What waits and does not
compute ends at a limit of the clock, which is generous.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

COLLECTION = "collection"
_COMPUTES = (10.0, 10.0)
"""Seconds of processor time of a test with a mutant: so many, and so many times what it takes without."""
_LASTS = (120.0, 30.0)
"""The same for the clock. Collection takes the first alone, three times."""


@dataclass(frozen=True, slots=True)
class Job:
    """A mutant: its module with the change, and the tests that judge it. `imported`: its lines run at import, too.
    `is_cut`: there are more tests that reach it."""

    name: str
    path: str
    code: str
    tests: tuple[str, ...]
    imported: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is killed, timeout (the test takes far less without the mutant, so this is killed, too), or survived.
    `test` is the first one that failed."""

    outcome: str
    seconds: float = 0.0
    test: str = ""


class Report:
    """What a forked process reports: lines of its pipe. The system ends it where a test computes too long."""

    def __init__(self, pipe: int, seconds: Mapping[str, float]) -> None:
        self._pipe = pipe
        self._seconds = seconds

    def began(self, test: str) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = _within(_COMPUTES, self._seconds.get(test, 0.0)) + used.ru_utime + used.ru_stime
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, resource.RLIM_INFINITY))
        self._write("began", test)

    def failed(self, test: str) -> None:
        self._write("killed", test)

    def passed(self) -> None:
        self._write("survived", "")

    def _write(self, what: str, test: str) -> None:
        os.write(self._pipe, f"{what} {test}\n".encode())


Runner = Callable[[Sequence[str], bool, Report], None]
"""Runs tests, with the mutant or without."""


class Watch:
    """Judges jobs in the tree at `root`, where each test of `seconds` takes as long as it says."""

    def __init__(self, root: Path, seconds: dict[str, float], verdicts: Path) -> None:
        self._root = root
        self._seconds = seconds
        self._verdicts = verdicts
        self._passes: dict[tuple[str, ...], bool] = {}

    def write(self, job: Job, verdict: Verdict) -> None:
        with self._verdicts.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": job.name, **asdict(verdict)}) + "\n")

    def judge(self, job: Job, run: Runner) -> None:
        """A failure counts if the test passes without the mutant, and fails with it again; otherwise the tests after it
        decide."""
        began = time.monotonic()
        tests = list(job.tests)
        while True:
            with _replaced(self._root / job.path, job.code):
                verdict = self._forked(partial(run, tests, True))
            if verdict.outcome == "survived":
                break
            if self._does_pass(verdict.test, tests, run) and self._fails_again(job, verdict.test, run):
                break
            tests = tests[tests.index(verdict.test) + 1 :] if verdict.test in tests else []
        self.write(job, Verdict(verdict.outcome, round(time.monotonic() - began, 2), verdict.test))

    def _fails_again(self, job: Job, test: str, run: Runner) -> bool:
        if test == COLLECTION:
            return True
        with _replaced(self._root / job.path, job.code):
            return self._forked(partial(run, [test], True)).outcome != "survived"

    def _does_pass(self, test: str, tests: Sequence[str], run: Runner) -> bool:
        """For a collection: whether it succeeds, with the first test of each file."""
        firsts = {name.partition("::")[0]: name for name in reversed(tests)}
        chosen = (test,) if test in tests else tuple(firsts.values())
        if chosen not in self._passes:
            self._passes[chosen] = self._forked(partial(run, chosen, False)).outcome == "survived"
        return self._passes[chosen]

    def _forked(self, work: Callable[[Report], None]) -> Verdict:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(self._root, work, Report(writing, self._seconds))
        os.close(writing)
        try:
            verdict = self._watched(reading)
        finally:
            os.close(reading)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
        is_limited = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        return replace(verdict, outcome="timeout") if is_limited else verdict

    def _watched(self, reading: int) -> Verdict:
        test, text = COLLECTION, b""
        end = time.monotonic() + 3 * _LASTS[0]
        while True:
            if not select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]:
                return Verdict("timeout", test=test)
            got = os.read(reading, 1 << 16)
            if not got:  # the process ended without a result
                return Verdict("killed", test=test)
            *lines, text = (text + got).split(b"\n")
            for what, _, name in (line.decode().partition(" ") for line in lines):
                if what != "began":
                    return Verdict(what, test=name)
                test, end = name, time.monotonic() + _within(_LASTS, self._seconds.get(name, 0.0))


def _within(limits: tuple[float, float], seconds: float) -> float:
    least, times = limits
    return least + times * seconds


def _child(root: Path, work: Callable[[Report], None], report: Report) -> None:
    """Ends the process."""
    os.setsid()
    out = os.open(root.parent / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    try:
        work(report)
    finally:
        os._exit(0)


@contextmanager
def _replaced(file: Path, code: str) -> Iterator[None]:
    """The module with `code` on the disk. Afterwards its time is the old one, so its compiled form counts again."""
    original, times = file.read_bytes(), file.stat()
    file.write_text(code, encoding="utf-8")
    try:
        yield
    finally:
        file.write_bytes(original)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
