"""What is in the wheel: the package, and the data that it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reconciler.kinds.api import VERSIONS

ROOT = Path(__file__).parents[2]


def build(source: Path, folder: Path) -> Path:
    """The file that `make wheel` builds from a checkout, in `folder`."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: the wheel cannot be built here")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    """The names of the files in a freshly built wheel."""
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_same_files_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """Whatever the clock says, and who may read the checkout."""
    copy = tmp_path / "checkout"
    for name in ("reconciler", "schemas", "playbooks", "inventories"):
        shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copyfile(ROOT / name, copy / name)
    for file in copy.rglob("*"):
        file.chmod(0o700 if file.is_dir() else 0o600)
    assert build(copy, tmp_path / "wheel").read_bytes() == built.read_bytes()


@pytest.mark.parametrize("folder", ["schemas", "playbooks", "inventories"])
def test_data_is_shipped(wheel: set[str], folder: str) -> None:
    wanted = {
        f"reconciler/_data/{file.relative_to(ROOT).as_posix()}" for file in (ROOT / folder).rglob("*") if file.is_file()
    }
    assert wanted
    assert wanted <= wheel


def test_the_code_is_shipped_with_its_types(wheel: set[str]) -> None:
    assert {"reconciler/py.typed", "reconciler/cli/__init__.py", "reconciler/render/text.py"} <= wheel


def test_the_tables_of_the_rest_api_are_shipped(wheel: set[str]) -> None:
    assert {f"reconciler/kinds/api/v{rest}.json" for rest in VERSIONS} <= wheel


def test_nothing_else_is(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert len(tops) == 2
    assert all(top == "reconciler" or top.endswith(".dist-info") for top in tops)
    assert not any("__pycache__" in name or name.startswith("reconciler/tests") for name in wheel)


def test_the_command_and_the_licence_are_declared(wheel: set[str]) -> None:
    assert any(name.endswith("entry_points.txt") for name in wheel)
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
