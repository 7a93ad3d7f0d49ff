"""Files appear whole or not at all, and never through links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.operations import import_files
from reconciler.operations.import_files import Target, save
from reconciler.operations.private_files import write_private
from tests.importing.run import contents

FILES = {"corp.yml": "# Written by vbo-reconcile import.\n", "jobs/a.yml": "# Written by vbo-reconcile import.\n"}


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: Path, content: bytes) -> None:
        if file.name == "a.yml":
            raise KeyboardInterrupt
        write_private(file, content)

    monkeypatch.setattr(import_files, "write_private", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "out", Target(), FILES)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_appears_with_all_its_files_which_are_private(tmp_path: Path) -> None:
    save(tmp_path / "out", Target(), FILES)
    assert contents(tmp_path / "out") == {name: text.encode() for name, text in FILES.items()}
    assert [file for file in (tmp_path / "out").rglob("*") if file.stat().st_mode & 0o077] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            save(tmp_path / "out", Target(), FILES)
    finally:
        tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_would_be(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OSError, match="out"):
        save(tmp_path / "out", Target(), FILES)
    assert (tmp_path / "out").read_text() == "mine"


def test_no_file_is_written_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "jobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        save(tmp_path / "out", Target(), FILES)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_no_import_wrote(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "corp.yml").write_text("mine")
    with pytest.raises(Diagnosed, match="did not write"):
        save(tmp_path / "out", Target(), {"corp.yml": "mine\nand more"})
