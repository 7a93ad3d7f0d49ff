"""The demo inventory, applied once; every test gets a copy of that world."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rehearsal = Rehearsal.of(tmp_path_factory.mktemp("applied"), INVENTORIES / "demo.yml")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    return rehearsal.folder


@pytest.fixture
def demo(applied: Path, tmp_path: Path) -> Rehearsal:
    """The demo inventory as it is after a first apply."""
    shutil.copytree(applied, tmp_path / "world")
    return Rehearsal(tmp_path / "world")
