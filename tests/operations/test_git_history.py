"""What is said where the history of an inventory cannot be read."""

from __future__ import annotations

from pathlib import Path

from reconciler.operations.git_history import history_of, unused_repository
from tests.git import git
from tests.inventory.writing import load_text


def test_a_repository_that_git_does_not_read_is_said(tmp_path: Path) -> None:
    """As it is with one of another user: without a word, causes and the comparison would just be missing."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    inventory = load_text(folder, "")
    assert unused_repository(inventory) is None
    git(folder, "init", "--quiet")
    assert history_of(inventory) is not None
    (folder / ".git" / "HEAD").write_text("broken")
    assert history_of(inventory) is None
    warning = unused_repository(inventory)
    assert warning is not None
    assert not warning.is_error
    assert warning.detail.startswith("Git does not read it: not a git repository")
    assert f"safe.directory '{folder}'" in warning.fix
