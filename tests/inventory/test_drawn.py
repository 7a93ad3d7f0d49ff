"""Drawn inventories with something wrong in them: it is said where it was, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.drawn import FILE, SEEDS, SENTENCES, TEXTS, said


@pytest.fixture(scope="module")
def known() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            seed = int(line.partition(":")[0])
        found.setdefault(seed, []).append(line)
    return found


@pytest.mark.parametrize(
    "first",
    [first if first % 60 == 0 else pytest.param(first, marks=pytest.mark.matrix) for first in range(0, len(SEEDS), 20)],
)
def test_where_it_is_said(tmp_path: Path, known: dict[int, list[str]], first: int) -> None:
    for seed in SEEDS[first : first + 20]:
        assert list(said(seed, tmp_path)) == known[seed]
    assert {*TEXTS.read_text(encoding="utf-8").splitlines()} >= SENTENCES
