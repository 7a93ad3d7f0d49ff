"""Files appear whole or not at all, and never through links."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.importing.compose import Existing
from reconciler.model.diagnostic import Diagnosed
from reconciler.operations import import_files
from reconciler.operations.import_files import Target, save
from reconciler.operations.import_source import imported_in
from reconciler.operations.private_files import write_private
from tests.importing.run import contents
from tests.rights import held_to_modes

WRITTEN = "# Written by vbo-reconcile import.\n"
FILES = {"corp.yml": WRITTEN, "jobs/a.yml": WRITTEN}


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


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with held_to_modes(), pytest.raises(PermissionError):
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


MINE = {"corp.yml": "mine", "proxies.yml": "mine", "jobs/a.yml": "mine", "jobs/other.yml": "mine"}


@pytest.mark.parametrize("name", MINE)
def test_a_file_that_no_import_wrote_is_not_overwritten_nor_included(name: str, tmp_path: Path) -> None:
    place(tmp_path / "out", {name: "mine"})
    with pytest.raises(Diagnosed, match="did not write"):
        save(tmp_path / "out", Target(), {**FILES, "proxies.yml": WRITTEN})
    assert contents(tmp_path / "out") == {name: b"mine"}


def test_a_part_of_another_import_is_not_overwritten(tmp_path: Path) -> None:
    place(tmp_path / "out", {"jobs/a.yml": f"{WRITTEN}# edited"})
    with pytest.raises(Diagnosed, match=r"a\.yml"):
        save(tmp_path / "out", Target(), FILES)
    assert contents(tmp_path / "out") == {"jobs/a.yml": f"{WRITTEN}# edited".encode()}


def test_an_edit_while_the_import_asks_is_not_lost(tmp_path: Path) -> None:
    place(tmp_path / "out", {**FILES, "corp.yml": f"{WRITTEN}# edited"})
    target = Target(existing=Existing(FILES, "corp.yml", {}, ()))
    with pytest.raises(Diagnosed, match="has changed"):
        save(tmp_path / "out", target, {name: f"{text}new: 1\n" for name, text in FILES.items()})
    assert contents(tmp_path / "out") == {"corp.yml": f"{WRITTEN}# edited".encode(), "jobs/a.yml": WRITTEN.encode()}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
@pytest.mark.parametrize("at", range(3))
def test_all_files_are_changed_or_none(
    error: BaseException, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "out", FILES)
    before, left = contents(tmp_path / "out"), [at]

    def failing(file: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise error
        write_private(file, content)

    monkeypatch.setattr(import_files, "write_private", failing)
    files = {**{name: f"{text}new: 1\n" for name, text in FILES.items()}, "jobs/b.yml": WRITTEN}
    with pytest.raises(type(error)):
        save(tmp_path / "out", Target(existing=Existing(FILES, "corp.yml", {}, ())), files)
    assert contents(tmp_path / "out") == before


def test_an_interrupt_while_files_are_renamed_comes_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "out", FILES)
    rename, interrupts = Path.replace, [KeyboardInterrupt()]

    def interrupted(staged: Path, file: Path) -> Path:
        if staged.parent.name.startswith(".vbo-reconcile-import-") and interrupts:
            raise interrupts.pop()
        return rename(staged, file)

    monkeypatch.setattr(Path, "replace", interrupted)
    monkeypatch.setattr(
        import_files, "write_private", lambda file, content: place(file.parent, {file.name: content.decode()})
    )
    files = {name: f"{text}new: 1\n" for name, text in FILES.items()}
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "out", Target(existing=Existing(FILES, "corp.yml", {}, ())), files)
    assert contents(tmp_path / "out") == {name: text.encode() for name, text in files.items()}


def test_folders_above_go_with_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(file))

    monkeypatch.setattr(import_files, "write_private", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / "a" / "b" / "out", Target(), FILES)
    assert list(tmp_path.iterdir()) == []


def test_inventories_of_earlier_imports_are_known_by_their_name_whatever_the_file(tmp_path: Path) -> None:
    place(tmp_path, {"prod.yml": f"{WRITTEN}name: '007' # ours\n", "x.yml": "name: x\n", "proxies.yml": WRITTEN})
    assert imported_in(tmp_path) == {"007": tmp_path / "prod.yml"}


def place(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
