"""Where things are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.operations.paths import journal_place, lab_folder
from reconciler.user_folders import cache_folder, private_folder, state_folder


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_without_a_usable_variable_it_is_the_home(value: str) -> None:
    assert state_folder({"XDG_STATE_HOME": value}) == Path.home() / ".local" / "state" / "vbo-reconcile"


def test_the_variable_is_honoured() -> None:
    assert state_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/vbo-reconcile")
    assert cache_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/vbo-reconcile")


@pytest.mark.parametrize("value", ["", "relative/folder", None])
def test_the_variables_of_the_process_are_read_likewise(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name, raising=False)
    assert state_folder() == Path.home() / ".local" / "state" / "vbo-reconcile"
    assert cache_folder() == Path.home() / ".cache" / "vbo-reconcile"


@pytest.mark.parametrize(
    ("name", "folder"), [("demo", "demo"), ("../../etc", "______etc"), ("", "_"), ("a b/c", "a_b_c"), (".", "_")]
)
def test_the_name_of_an_inventory_leads_nowhere_else(name: str, folder: str) -> None:
    assert lab_folder(name, {"XDG_STATE_HOME": "/s"}) == Path("/s/vbo-reconcile/lab") / folder


def test_the_lab_remembers_in_its_own_folder() -> None:
    said = {"XDG_STATE_HOME": "/s", "VBO_RECONCILE_JOURNAL": "postgresql://db/journal"}
    assert journal_place(Path("/lab"), said) == "/lab/journal.db"
    assert journal_place(None, {"XDG_STATE_HOME": "/s"}) == "/s/vbo-reconcile/journal.db"
    assert journal_place(None, said) == "postgresql://db/journal"


def test_folders_are_private(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_every_folder_that_is_made_is_private(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "state" / "vbo-reconcile" / "lab" / "demo")
    assert {part.stat().st_mode & 0o777 for part in (made, *made.parents[:3])} == {0o700}
