"""Are plans the same before a change of the code and after it?

    python -m tests.same_plans record DIR [--worlds 0-199] [--states BEFORE]
    python -m tests.same_plans compare BEFORE AFTER

`record` plans the shipped inventories, validates the cases of the inventory tests, and plans random worlds, each in
its own lab, through the command line. Record once with the code before; then with the code after, and `--states`
naming that recording: each lab begins with the state that it had there. `compare` exits with 1 where anything but
texts differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.same_plans.compare import compare
from tests.same_plans.record import drawn, record_cases, record_world, shipped


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.same_plans", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("folder", type=Path)
    recording.add_argument("--worlds", default="0-199", help="seeds, as FIRST-LAST")
    recording.add_argument("--states", type=Path, help="a recording whose labs to begin with")
    recording.add_argument("--worlds-only", action="store_true", help="leave out the inventories and the cases")
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--limit", type=int, default=40, help="how many differences to list")
    given = parser.parse_args()
    return _compare(given) if given.command == "compare" else _record(given)


def _compare(given: argparse.Namespace) -> int:
    found = compare(given.before, given.after)
    sys.stdout.write(found.report(given.limit) + "\n")
    return 1 if found.structure else 0


def _record(given: argparse.Namespace) -> int:
    folder = given.folder.resolve()
    states = given.states.resolve() if given.states else None
    first, _, last = given.worlds.partition("-")
    worlds = [drawn(seed) for seed in range(int(first), int(last or first) + 1)]
    if not given.worlds_only:
        record_cases(folder)
        worlds = [*shipped(), *worlds]
    began = time.monotonic()
    for number, world in enumerate(worlds, 1):
        record_world(world, folder, states)
        sys.stderr.write(f"\r{number} of {len(worlds)} worlds, {time.monotonic() - began:.0f} s")
        sys.stderr.flush()
    sys.stderr.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
