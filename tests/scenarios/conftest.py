"""The demo inventory, applied once; every test gets a copy of that world."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.once import once
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def apply(folder: Path) -> None:
        ended = Rehearsal.of(folder, INVENTORIES / "demo.yml").apply()
        assert ended.code == 0, ended.out + ended.err

    return once(tmp_path_factory, "applied-demo", apply)


@pytest.fixture
def demo(applied: Path, tmp_path: Path) -> Rehearsal:
    """The demo inventory as it is after a first apply."""
    shutil.copytree(applied, tmp_path / "world")
    return Rehearsal(tmp_path / "world")
