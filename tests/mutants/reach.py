"""Which test runs which line: recorded by a plugin of pytest, `-p tests.mutants.reach`, in every worker.

Set MUTANTS_REACH to the folder for the recordings. Lines that run while a module is imported belong to no test.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

FOLDER = os.environ.get("MUTANTS_REACH", "")
_OF_TABLES = ("tests/house/test_properties.py", "tests/house/test_readme.py")
"""Tests that read the tables of every room: of what is generated from them."""


def processor_time() -> float:
    """Seconds that this process and the children it has awaited had of the processor: load does not count."""
    return sum(os.times()[:4])


class Recorder:
    def __init__(self, folder: Path, root: Path, name: str) -> None:
        self.file = folder / f"{name}.json"
        self.seconds: dict[str, float] = {}
        data = str(folder / f"{name}.coverage")
        self.coverage = coverage.Coverage(data_file=data, source=[str(root / "reconciler")], config_file=False)
        self.coverage.start()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        self.coverage.switch_context(item.nodeid)
        began = processor_time()
        yield
        self.seconds[item.nodeid] = round(processor_time() - began, 3)
        self.coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        self.file.write_text(json.dumps(self.seconds), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if FOLDER and (worker or not getattr(config.option, "numprocesses", 0)):
        config.pluginmanager.register(Recorder(Path(FOLDER), config.rootpath, worker or "main"))


@dataclass(frozen=True, slots=True)
class Reach:
    """`seconds` of the processor of each test; `lines` has its tests by module and line, `modules` those that run any
    line of it; `imported` the lines that run outside of tests: at import, or while tests are collected."""

    seconds: dict[str, float]
    lines: dict[tuple[str, int], set[str]]
    modules: dict[str, set[str]]
    imported: frozenset[tuple[str, int]]

    @classmethod
    def read(cls, folder: Path, root: Path) -> Reach:
        seconds: dict[str, float] = {}
        lines: dict[tuple[str, int], set[str]] = defaultdict(set)
        modules: dict[str, set[str]] = defaultdict(set)
        imported: set[tuple[str, int]] = set()
        for file in sorted(folder.glob("*.json")):
            seconds |= json.loads(file.read_text(encoding="utf-8"))
            data = coverage.CoverageData(str(file.with_suffix(".coverage")))
            data.read()
            for name in data.measured_files():
                path = Path(name).relative_to(root).as_posix()
                for line, contexts in data.contexts_by_lineno(name).items():
                    lines[path, line] |= {*contexts} - {""}
                    modules[path] |= {*contexts} - {""}
                    imported |= {(path, line)} if "" in contexts else set()
        return cls(seconds, dict(lines), dict(modules), frozenset(imported))

    def is_imported(self, path: str, lines: Iterable[int]) -> bool:
        return any((path, line) in self.imported for line in lines)

    def tests(self, path: str, lines: Iterable[int], limit: float) -> tuple[list[str], bool]:
        """The tests that run any of `lines`, as many as take `limit` seconds of the processor, and whether there are
        more. Lines that only an import runs are for whatever uses the module, or its neighbours where that are lines
        of the same kind, and for the tests of the room: those that read a table run no line of it."""
        found = set[str]().union(*(self.lines.get((path, line), set()) for line in lines))
        folder, room = path.rpartition("/")[0], path.split("/")[1]
        homes = (f"tests/{room}/", *_OF_TABLES)
        if not found:
            found = self.modules.get(path, set()) | {test for test in self.seconds if test.startswith(homes)}
        if not found:
            found = set[str]().union(*(tests for name, tests in self.modules.items() if name.startswith(folder)))
        chosen: list[str] = []
        total = 0.0
        for test in self._in_order(found, homes):
            total += self.seconds.get(test, 0.0)
            if total > limit and chosen:
                return chosen, True
            chosen.append(test)
        return chosen, False

    def _in_order(self, tests: Iterable[str], homes: tuple[str, ...]) -> list[str]:
        """File by file, since the tests of a file share what they set up: those of the room, then the quick ones."""
        files: dict[str, float] = defaultdict(float)
        for test in tests:
            files[test.partition("::")[0]] += self.seconds.get(test, 0.0)
        order = {name: number for number, name in enumerate(self.seconds)}
        ranks = {name: (not name.startswith(homes), seconds, name) for name, seconds in files.items()}
        return sorted(tests, key=lambda test: (ranks[test.partition("::")[0]], order.get(test, 0)))
