"""Broken inventories and what is said about them: one folder a case under `cases/`, the answer in `expected.txt`.

A case is `inventory.yml` with the files it includes; where there is none, the folder itself is the inventory. After a
change of words, write the answers anew and read the difference:

    python -m tests.inventory.test_cases
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from reconciler.inventory import load
from reconciler.inventory.diagnostic_codes import SUMMARIES
from reconciler.kinds.rules import RULES
from reconciler.model.diagnostic import Diagnostic

CASES = sorted(folder for folder in (Path(__file__).parent / "cases").iterdir() if folder.is_dir())
FILES_ONLY = {"open-secret", "too-large", "too-long", "trust", "unreadable"}
"""Codes that depend on the machine, or need a large file; see `test_files`."""


def shown(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics as plain text, every part of them."""
    lines = []
    for item in diagnostics:
        address = f" ({item.address})" if item.address else ""
        lines.append(f"{item.position or '-'}: {item.severity} {item.code}{address}: {item.summary}")
        lines += [f"    | {item.source.rstrip()}"] if item.source else []
        lines.append(f"    {item.detail}")
        lines += [f"    fix: {item.fix}"] if item.fix else []
        lines += [f"    see: {place}" for place in item.related]
    return "".join(f"{line}\n" for line in lines)


def answer(case: Path) -> str:
    entry = case / "inventory.yml"
    inventory, diagnostics = load(entry if entry.exists() else case)
    assert (inventory is None) == any(item.is_error for item in diagnostics)
    return shown(diagnostics)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_says_what_is_expected(case: Path) -> None:
    assert answer(case) == (case / "expected.txt").read_text("utf-8")


def test_every_code_has_a_case() -> None:
    codes = {*SUMMARIES, *(rule.code for rule in RULES)}
    text = "".join((case / "expected.txt").read_text("utf-8") for case in CASES)
    assert {code for code in codes if f" {code}:" not in text and f" {code} (" not in text} == FILES_ONLY


def test_plain_secrets_are_never_shown() -> None:
    """`hunter2` stands for a secret in every case that has one in plain text."""
    cases = [
        case for case in CASES if any("hunter2" in file.read_text("utf-8", "replace") for file in case.glob("*.yml"))
    ]
    assert len(cases) > 3
    for case in cases:
        assert "hunter2" not in answer(case), case.name


if __name__ == "__main__":
    for folder in CASES:
        (folder / "expected.txt").write_text(answer(folder), "utf-8")
