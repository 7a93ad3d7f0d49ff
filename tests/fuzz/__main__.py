"""Look for bytes that a reader cannot bear: `python -m tests.fuzz [TARGET...] [--count N] [--seed N] [--keep]`."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import CASES, failures
from tests.fuzz.targets import targets


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--count", type=int, default=20_000, help="how many cases of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write what fails to tests/fuzz/cases")
    asked = parser.parse_args()
    failed = 0
    for name in asked.targets or targets():
        with tempfile.TemporaryDirectory() as folder:
            for data, why in failures(targets()[name], asked.count, asked.seed, Path(folder)):
                failed += 1
                sys.stdout.write(f"{name}: {why}\n  {data[:300]!r}\n")
                if asked.keep:
                    file = CASES / name / hashlib.sha256(data).hexdigest()[:12]
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(data)
        sys.stdout.write(f"{name}: {asked.count} cases\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
