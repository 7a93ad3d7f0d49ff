"""A process that judges mutants, in a copy of the tree: python -m tests.mutants.worker JOBS VERDICTS

Tests are collected once. For each mutant a process is forked in which the changed functions have their new code; it
runs the tests of the mutant until one fails. For a mutant of what runs at import the process is forked before any
module of ours is imported. The changed module is on the disk meanwhile, for the processes that tests start.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pytest

from tests.mutants.patch import Change, Functions, change
from tests.mutants.watch import COLLECTION, Job, Report, Verdict, Watch

_HEAVY = (
    *("httpx", "cryptography.x509", "jsonschema", "jsonschema_rs", "msgspec", "paramiko", "fabric", "rich.console"),
    "sqlalchemy",
)
"""Imported once, before processes are forked: nothing of ours, and nothing that pytest rewrites."""
_QUIET = ("-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--tb=short", "--basetemp=../tests-temporary")


_FIRST = 3
"""Files that are collected first where modules are imported anew: those of tables are among them."""


def _run(session: pytest.Session, items: Sequence[pytest.Item], report: Report) -> bool:
    """Whether all pass; a failure is reported."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        report.began(item.nodeid)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            session._setupstate.teardown_exact(None)
            report.failed(item.nodeid)
            return False
    return True


class Anew:
    """A plugin that takes the place of pytest's own loop: the tests of one mutant, in their order, until one fails."""

    def __init__(self, report: Report, tests: Sequence[str], known: dict[str, float]) -> None:
        self._report = report
        self._tests = tests
        self._known = known
        self.passes = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            self._report.failed(COLLECTION)
        else:
            self.passes = _run(session, self._items(session), self._report)
        return True

    def _items(self, session: pytest.Session) -> list[pytest.Item]:
        """Tests that are not known belong to the mutant: parameters may come from what it changes."""
        at = {name: number for number, name in enumerate(self._tests)}
        found = [item for item in session.items if item.nodeid in at or item.nodeid not in self._known]
        return sorted(found, key=lambda item: at.get(item.nodeid, len(at)))


class Warm:
    """A plugin that forks for each mutant, once the tests are collected. `left`: what it cannot replace."""

    def __init__(self, jobs: Sequence[tuple[Job, Change]], watch: Watch) -> None:
        self.left: list[Job] = []
        self._jobs = jobs
        self._watch = watch

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        functions = Functions()
        items = {item.nodeid: item for item in session.items}
        gc.freeze()
        for job, changed in self._jobs:
            if not functions.has(changed):
                self.left.append(job)
                continue

            def run(tests: Sequence[str], mutated: bool, report: Report, changed: Change = changed) -> None:
                if mutated:
                    functions.patch(changed)
                if _run(session, [items[name] for name in tests if name in items], report):
                    report.passed()

            self._watch.judge(job, run)
        return True


def _judge_anew(job: Job, watch: Watch, known: dict[str, float]) -> None:
    def run(tests: Sequence[str], mutated: bool, report: Report) -> None:
        files = [*dict.fromkeys(test.partition("::")[0] for test in tests)]
        for part in (files[:_FIRST], files[_FIRST:]):
            plugin = Anew(report, tests, known if mutated else {**known, **job_tests})
            if part and pytest.main([*_QUIET, *part], plugins=[plugin]) and not plugin.passes:
                return
        report.passed()

    job_tests = dict.fromkeys(job.tests, 0.0)
    watch.judge(job, run)


def main() -> None:
    """First what a process that has collected the tests can judge, then the others in a process that has not."""
    given, verdicts = Path(sys.argv[1]), Path(sys.argv[2])
    text = json.loads(given.read_text(encoding="utf-8"))
    seconds: dict[str, float] = text["seconds"]
    jobs = [Job(**item) for item in text["jobs"]]
    watch = Watch(Path.cwd(), seconds, verdicts)
    for name in _HEAVY:
        import_module(name)
    if "--anew" in sys.argv:
        command = [sys.executable, "-m", "pytest", *_QUIET, "--collect-only", *_files(jobs)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # compiles every module
        for job in jobs:
            _judge_anew(job, watch, seconds)
        return
    warm, left = _sorted(jobs, watch)
    plugin = Warm(warm, watch)
    if warm and pytest.main([*_QUIET, *_files([job for job, _ in warm])], plugins=[plugin]) not in (0, 5):
        sys.exit("the tests cannot be collected without a mutant")
    if left := [*left, *plugin.left]:
        given.write_text(json.dumps({"seconds": seconds, "jobs": [asdict(job) for job in left]}), encoding="utf-8")
        subprocess.run([sys.executable, "-m", "tests.mutants.worker", *sys.argv[1:3], "--anew"], check=True)


def _sorted(jobs: Sequence[Job], watch: Watch) -> tuple[list[tuple[Job, Change]], list[Job]]:
    """Those that change functions alone, and the others. No test of it at all: the mutant survives."""
    warm: list[tuple[Job, Change]] = []
    left: list[Job] = []
    for job in jobs:
        path = Path.cwd() / job.path
        changed = change(str(path), path.read_text(encoding="utf-8"), job.code)
        if not job.tests:
            watch.write(job, Verdict("survived"))
        elif changed.functions is None or job.imported:
            left.append(job)
        else:
            warm.append((job, changed))
    return warm, left


def _files(jobs: Sequence[Job]) -> list[str]:
    return sorted({test.partition("::")[0] for job in jobs for test in job.tests})


if __name__ == "__main__":
    main()
