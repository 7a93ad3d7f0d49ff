"""Every reader handles what it is given: some drawn cases, and all that it once failed on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.run import CASES, failures
from tests.fuzz.targets import survives, targets
from tests.length import length

COUNT = length(700, 20_000)
"""Cases of each reader in the matrices."""

KEPT = sorted(file for file in CASES.glob("*/*") if file.is_file())


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_was_found_once_is_borne(file: Path, tmp_path: Path) -> None:
    assert survives(targets()[file.parent.name], file.read_bytes(), tmp_path) == ""


@pytest.mark.parametrize("name", sorted(targets()))
def test_a_reader_bears_drawn_cases(name: str, tmp_path: Path) -> None:
    target = targets()[name]
    assert list(failures(target, 4 if target.slow else 40, 0, tmp_path)) == []


@pytest.mark.matrix
@pytest.mark.parametrize("name", sorted(targets()))
def test_a_reader_bears_many_drawn_cases(name: str, tmp_path: Path) -> None:
    target = targets()[name]
    assert list(failures(target, COUNT // 10 if target.slow else COUNT, 1, tmp_path)) == []


def test_a_reader_that_fails_is_noticed(tmp_path: Path) -> None:
    from tests.fuzz.targets import Target

    def weak(data: bytes, folder: Path) -> None:
        del folder
        data.decode("ascii")

    assert list(failures(Target("weak", weak, (b"text",)), 200, 0, tmp_path))
