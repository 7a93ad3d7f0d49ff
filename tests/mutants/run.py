"""Mutants in copies of the tree, each judged by a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.mutants.watch import Job, Verdict


class Copy:
    """A separate copy of the tree, so that no other process sees a mutant."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._tree = folder / "tree"
        self._verdicts = folder / "verdicts.jsonl"
        self._read = 0
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines():
            if (root / name).exists():
                (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, self._tree / name, follow_symlinks=False)

    def start(self, jobs: Sequence[Job], seconds: dict[str, float]) -> subprocess.Popen[bytes]:
        given = self._tree.parent / "jobs.json"
        given.write_text(json.dumps({"seconds": seconds, "jobs": [asdict(job) for job in jobs]}), encoding="utf-8")
        with (self._tree.parent / "worker.txt").open("wb") as out:
            command = [sys.executable, "-m", "tests.mutants.worker", str(given), str(self._verdicts)]
            environment = {**os.environ, "PYTHONPATH": str(self._tree)}
            return subprocess.Popen(command, cwd=self._tree, env=environment, stdout=out, stderr=subprocess.STDOUT)

    def new(self) -> Iterator[tuple[str, Verdict]]:
        """Verdicts that were not there before, by name of the mutant."""
        lines = self._verdicts.read_text(encoding="utf-8").splitlines() if self._verdicts.exists() else []
        for line in lines[self._read :]:
            found = json.loads(line)
            yield found.pop("name"), Verdict(**found)
        self._read = len(lines)

    def output(self) -> str:
        return (self._tree.parent / "worker.txt").read_text(encoding="utf-8", errors="replace")[-3000:]


def judge(
    root: Path, folder: Path, jobs: Sequence[Job], seconds: dict[str, float], workers: int
) -> Iterator[tuple[str, Verdict]]:
    """The verdicts, as they come."""
    copies = [Copy(root, folder / f"copy-{number}") for number in range(workers)]
    running = [copy.start(jobs[number::workers], seconds) for number, copy in enumerate(copies)]
    while True:
        ended = [process.poll() for process in running]
        for copy in copies:
            yield from copy.new()
        if None not in ended:
            break
        time.sleep(0.5)
    for copy, code in zip(copies, ended, strict=True):
        if code:
            raise RuntimeError(copy.output())
