"""`make audit`: known vulnerabilities of what the locks install, by pip-audit. Exits 1 if there are any.

Skipped with a reason where the data cannot be had: pip-audit asks PyPI for each package.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCKS = Path(__file__).parents[1] / ".requirements"


def audited(lock: Path) -> tuple[list[dict[str, Any]], str]:
    """The packages of a lock with what is known of them, and why that cannot be had; one of the two is empty."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--format", "json"]
    done = subprocess.run([*command, "--requirement", str(lock)], capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return [], (done.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
    unknown = [item for item in found if "skip_reason" in item]
    return ([], f"{unknown[0]['skip_reason']}") if len(unknown) == len(found) else (found, "")


def report(lock: str, packages: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each vulnerability, and for each package of which nothing is known."""
    lines = [f"{lock}: {item['name']} not audited: {item['skip_reason']}" for item in packages if "skip_reason" in item]
    for item in packages:
        for flaw in item.get("vulns", ()):
            fixed = ", ".join(flaw.get("fix_versions", ())) or "none yet"
            lines.append(f"{lock}: {item['name']} {item['version']}: {flaw['id']} (mended in: {fixed})")
    return lines


def main() -> int:
    flawed = False
    for lock in sorted(LOCKS.glob("*.txt")):
        packages, why = audited(lock)
        if why:
            sys.stdout.write(f"{lock.name}: skipped, since the data cannot be had: {why}\n")
            continue
        flawed |= any(item.get("vulns") for item in packages)
        sys.stdout.write("".join(f"{line}\n" for line in report(lock.name, packages)))
        sys.stdout.write(f"{lock.name}: {len(packages)} packages\n")
    return 1 if flawed else 0


if __name__ == "__main__":
    sys.exit(main())
