"""Faults that the project once had, or might: each is put back in a copy of the tree, and must be found there.

`python -m tests.simulation.faults` says how many steps each takes. By hand: half an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_COPIED = ("reconciler", "tests", "schemas", "playbooks", "inventories", "pyproject.toml")
_FOUND = re.compile(r"^seed (?P<seed>\d+), after \d+ events: (?P<what>.*)$", re.MULTILINE)
_STEPS = re.compile(r"^(?P<steps>\d+) steps, ", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """`patches` are (file below reconciler/, text, what replaces it)."""

    name: str
    patches: tuple[tuple[str, str, str], ...]


FAULTS = (
    Fault(
        "fields that are not declared are overwritten by a PUT",
        (
            (
                "kinds/put_requests.py",
                "body = overlay(kept, changed)",
                "body = overlay({name: value for name, value in kept.items() if known[name].required}, changed)",
            ),
        ),
    ),
    Fault(
        "a failed start is forgotten",
        (("plan/job_runs.py", "if mark is not None:", "if mark is not None and not recall:"),),
    ),
    Fault("SIGHUP leaves a drain", (("cli/interrupts.py", '        ("SIGHUP", exits.TERMINATED),\n', ""),)),
    Fault(
        "a lost reader leaves a drain",
        (
            ("cli/console.py", "if not self.working:\n                raise", "raise"),
            ("cli/console.py", "with silent(self.err):\n            _write(self.err, text)", "_write(self.err, text)"),
            # only what an event shows: a display that fails in a separate thread is another fault
            (
                "cli/console.py",
                "self._write_message(line)",
                "with silent(self.err):\n            _write(self.err, line)",
            ),
            ("apply/notifier.py", "if not isinstance(error, Exception):", "if isinstance(error, OSError | None):"),
        ),
    ),
    Fault(
        "one failed look ends the following of a job",
        (
            (
                "apply/steps/job_sessions.py",
                "            raise\n\n    def _read",
                '            raise NotFollowed("the job goes on at the server") from None\n\n    def _read',
            ),
        ),
    ),
    Fault(
        "a registration is lost with the server in the middle of a push",
        (
            (
                "plan/interrupted.py",
                "return _KEYS[work] in recall.applied.get(mark_of(work, proxy), {})",
                "return False",
            ),
        ),
    ),
    Fault(
        "a change of credentials disrupts nothing: it is in no batch",
        (("plan/batches.py", '_REDEPLOYS = {"port", "credentials"}', '_REDEPLOYS = {"port"}'),),
    ),
    Fault(
        "a rotated password is not sent to the server",
        (
            (
                "plan/compare.py",
                "if now is None or before is None or now == before:",
                "if now or before or now is None:",
            ),
        ),
    ),
    Fault(
        "passes of the planner are swapped",
        (
            ("plan/planner.py", '    Pass("proxies", plan_proxies),\n', ""),
            (
                "plan/planner.py",
                'needs=("objects", "proxies")),\n',
                'needs=("objects", "proxies")),\n    Pass("proxies", plan_proxies),\n',
            ),
            ("plan/passes.py", "if missing:", "if missing and False:"),
            ("plan/passes.py", "for name in step.needs))", "for name in step.needs if name in parts))"),
        ),
    ),
)


def main() -> int:
    asked = argparse.ArgumentParser(prog="faults")
    asked.add_argument("--only", type=int, help="the number of one fault")
    asked.add_argument("--steps", type=int, default=10_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    numbers = [given.only] if given.only else range(1, len(FAULTS) + 1)
    missed = 0
    for number in numbers:
        steps, text = found(FAULTS[number - 1], given.seed, given.steps)
        missed += not text
        _say(f"{number}. {FAULTS[number - 1].name}: {f'{steps} steps: {text}' if text else f'not in {steps} steps'}")
    return 1 if missed else 0


def found(fault: Fault, seed: int, steps: int) -> tuple[int, str]:
    """After how many steps, and what broke; empty if nothing did."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        copy = Path(folder)
        _copy(copy)
        for file, before, after in fault.patches:
            _patch(copy / "reconciler" / file, before, after)
        ended = _simulate(copy, ("--seed", str(seed), "--steps", str(steps), "--no-shrink"))
    counted, broken = _STEPS.search(ended.stdout), _FOUND.search(ended.stdout)
    if counted is None:
        return 0, "the simulation does not begin: " + ended.stderr.strip().rpartition("\n")[2]
    return int(counted["steps"]), f"{broken['what'][:200]} (seed {broken['seed']})" if broken else ""


def _copy(folder: Path) -> None:
    for name in _COPIED:
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_ROOT / name, folder / name)


def _patch(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise LookupError(f"{file.name} does not hold this once: {before}")
    file.write_text(text.replace(before, after), encoding="utf-8")


def _simulate(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
