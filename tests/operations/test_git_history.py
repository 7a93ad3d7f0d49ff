"""What is said where the history of an inventory cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.operations.git_history import history_of, inventory_at_base, unused_repository
from reconciler.operations.inventory_loader import read_inventory
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


@pytest.mark.parametrize("staged", [True, False])
@pytest.mark.parametrize("moved", ["new.yml", "sites/corp.yml"])
def test_an_inventory_that_was_moved_is_the_one_with_its_name(tmp_path: Path, staged: bool, moved: str) -> None:
    git(tmp_path, "init", "--quiet")
    load_text(tmp_path, "")
    (old,) = tmp_path.glob("*.yml")
    (tmp_path / "other.yml").write_text("version: 1\nname: other\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    new = tmp_path / moved
    new.parent.mkdir(exist_ok=True)
    old.rename(new)
    if staged:
        git(tmp_path, "add", "--all")
    inventory, _ = read_inventory(new)
    assert inventory is not None
    with inventory_at_base(inventory, "HEAD") as before:
        assert before is not None
    assert (before.main, before.resources.keys()) == (old.name, inventory.resources.keys())


def test_of_two_with_its_name_none_is_taken(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    load_text(tmp_path, "")
    (old,) = tmp_path.glob("*.yml")
    (tmp_path / "copy.yml").write_bytes(old.read_bytes())
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    old.rename(tmp_path / "new.yml")
    inventory, _ = read_inventory(tmp_path / "new.yml")
    assert inventory is not None
    with inventory_at_base(inventory, "HEAD") as before:
        assert before is None


def test_an_error_of_the_base_is_not_shown_as_one_of_the_file(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    folder = tmp_path / "site"
    folder.mkdir()
    inventory = load_text(folder, "")
    (file,) = folder.glob("*.yml")
    good = file.read_text()
    file.write_text(f"{good}\nproxis: {{}}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    with pytest.raises(Diagnosed) as caught, inventory_at_base(inventory, "HEAD"):
        pass
    for error in caught.value.diagnostics:
        assert error.position is None
        assert error.detail.startswith(f"{commit[:12]}:site/{file.name}:")
        assert error.fix == "The inventory of the base has this error. Name a base without it."
