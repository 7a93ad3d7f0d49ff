"""The file of verdicts: a run that was stopped goes on behind them, and a later one judges the survivors again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from tests.mutants.watch import Job, Verdict


def judged(file: Path, jobs: Collection[Job]) -> dict[str, Verdict]:
    """The newest verdict on each of `jobs`. One on other code than the mutant has now is none; a line that is not whole
    is passed over: a run was stopped while it wrote."""
    codes = {job.name: _digest(job) for job in jobs}
    found: dict[str, Verdict] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        with suppress(KeyError, ValueError):
            item = json.loads(line)
            if item["code"] == codes.get(item["mutant"]):
                found[item["mutant"]] = Verdict(item["outcome"], item["seconds"], item["test"])
    return found


def chosen(jobs: Mapping[str, Job], verdicts: Mapping[str, Verdict], again: bool) -> list[Job]:
    """What is to be judged: what has no verdict yet, or the survivors `again`."""
    if again:
        return [job for name, job in jobs.items() if name in verdicts and verdicts[name].outcome == "survived"]
    return [job for name, job in jobs.items() if name not in verdicts]


def write(file: Path, job: Job, verdict: Verdict) -> None:
    """Behind those that are there, each on its line."""
    found = {"mutant": job.name, "outcome": verdict.outcome, "test": verdict.test, "seconds": verdict.seconds}
    line = json.dumps(found | {"tests": len(job.tests), "is_cut": job.is_cut, "code": _digest(job)})
    is_whole = not file.exists() or file.read_bytes()[-1:] in (b"", b"\n")
    with file.open("a", encoding="utf-8") as out:
        out.write(line + "\n" if is_whole else f"\n{line}\n")


def _digest(job: Job) -> str:
    return hashlib.sha256(job.code.encode()).hexdigest()[:16]
