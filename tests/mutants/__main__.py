"""Does a test fail when the code is changed a little? A sample of such changes, one at a time.

    python -m tests.mutants [--count 300] [--seed 1] [--room plan ...] [--reach FOLDER] [--out FILE [--again]]

First the suite runs once and records which test runs which line; `--reach FOLDER` keeps that, or takes it from there.
`--out FILE` keeps the verdicts: a run that was stopped goes on behind them. With `--again` it judges the survivors
among them once more, and nothing else: after tests were added, or with a higher `--limit`.
Then each mutant meets the tests that run its lines until one fails, which must pass without the mutant. Survivors are
listed; a review says of each whether it is equivalent or a test is missing. Mutants are made by Cosmic Ray, and by the
operators of this folder for tables, words and the order of statements.
"""

from __future__ import annotations

import argparse
import difflib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.mutants.reach import Reach
from tests.mutants.run import judge
from tests.mutants.sites import Mutant, sample
from tests.mutants.verdicts import chosen, judged, write
from tests.mutants.watch import Job, Verdict

ROOT = Path(__file__).parents[2]
ROOMS = ("apply", "inventory", "kinds", "plan")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", action="append", help="package below reconciler/, by default four of them")
    parser.add_argument("--reach", type=Path, help="folder for what test runs which line")
    parser.add_argument("--limit", type=float, default=120, help="seconds of processor time of tests for one mutant")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--tests", nargs="*", default=[], help="a part of the suite")
    parser.add_argument("--out", type=Path, help="file for the verdicts, a line of JSON each; those in it stay")
    parser.add_argument("--again", action="store_true", help="judge the survivors in --out once more, and no other")
    given = parser.parse_args()
    if given.again and not given.out:
        parser.error("--again needs --out, the file with the survivors")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        reach = _reach(given.reach or Path(folder) / "reach", given.workers, given.tests)
        mutants = {
            str(mutant): (mutant, code) for mutant, code in sample(ROOT, given.room or ROOMS, given.count, given.seed)
        }
        jobs = {name: _job(reach, mutant, code, given.limit) for name, (mutant, code) in mutants.items()}
        verdicts = judged(given.out, jobs.values()) if given.out else {}
        left = chosen(jobs, verdicts, given.again)
        for number, (name, verdict) in enumerate(judge(ROOT, Path(folder), left, reach.seconds, given.workers), 1):
            verdicts[name] = verdict
            sys.stdout.write(_line(mutants[name][0], verdict, jobs[name], f"{number}/{len(left)}"))
            sys.stdout.flush()
            if given.out:
                write(given.out, jobs[name], verdict)
    sys.stdout.write(_summary({name: (mutants[name][0], verdict) for name, verdict in verdicts.items()}))
    return 0


def _reach(folder: Path, workers: int, tests: list[str]) -> Reach:
    if not list(folder.glob("*.json")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutants.reach", "-n", str(workers), *tests]
        environment = {**os.environ, "MUTANTS_REACH": str(folder.resolve())}
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
    return Reach.read(folder, ROOT)


def _job(reach: Reach, mutant: Mutant, code: str, limit: float) -> Job:
    lines = range(mutant.first, mutant.last + 1)
    tests, is_cut = reach.tests(mutant.path, lines, limit)
    return Job(str(mutant), mutant.path, code, tuple(tests), reach.is_imported(mutant.path, lines), is_cut)


def _line(mutant: Mutant, verdict: Verdict, job: Job, number: str) -> str:
    tests = f"{len(job.tests)} tests{' of more' if job.is_cut else ''}, {verdict.seconds:.1f} s"
    text = f"{number} {verdict.outcome} {mutant} ({tests}) {verdict.test[:120]}\n"
    if verdict.outcome != "survived":
        return text
    before = (ROOT / mutant.path).read_text(encoding="utf-8").splitlines()
    changed = difflib.unified_diff(before, job.code.splitlines(), lineterm="", n=0)
    return text + "".join(f"    {line}\n" for line in changed if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def _summary(verdicts: Mapping[str, tuple[Mutant, Verdict]]) -> str:
    counts: dict[str, Counter[str]] = {}
    for mutant, verdict in verdicts.values():
        counts.setdefault(mutant.path.split("/")[1], Counter())[verdict.outcome] += 1
    lines = []
    for room, count in [*sorted(counts.items()), ("all", sum(counts.values(), Counter()))]:
        killed = count.total() - count["survived"]
        lines.append(f"{room}: {killed} of {count.total()} killed ({100 * killed / max(1, count.total()):.0f} %)\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
