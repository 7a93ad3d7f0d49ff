"""What an inventory may include: files below its folder, found with a bounded look around."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.inventory import includes, load
from reconciler.inventory.includes import Includes, NotIncluded
from reconciler.requirements import load_for
from tests.inventory.writing import HEAD, write

CANARY = "canary-of-another-file"
OUTSIDE = "`{}` is outside the folder of the inventory, after links are followed."


def faults(path: Path, root: Path | None = None) -> list[str]:
    _, found = load(path, include_root=root)
    assert CANARY not in repr(found)
    return [item.detail for item in found if item.is_error]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file that the inventory in `main` must not show."""
    (tmp_path / "main").mkdir()
    file = tmp_path / "other.yml"
    file.write_text(f"{CANARY}: [\n")
    return file


@pytest.mark.parametrize("pattern", ["../other.yml", "../*.yml", "sites/../../*.yml", "../absent.yml"])
def test_a_path_that_leads_out(other: Path, pattern: str) -> None:
    path = write(other.parent / "main", {"inventory.yml": HEAD + f"include: ['{pattern}']\n", "sites/a.yml": "x"})
    (fault,) = faults(path)
    assert fault == OUTSIDE.format(pattern)


@pytest.mark.parametrize("link", ["a.yml", "sites", "sites/a.yml"])
def test_a_link_that_leads_out(other: Path, link: str) -> None:
    path = write(other.parent / "main", {"inventory.yml": HEAD + "include: [a.yml, sites/*.yml]\n"})
    file = path.parent / link
    file.parent.mkdir(exist_ok=True)
    file.symlink_to(other if link.endswith(".yml") else other.parent)
    found = faults(path)
    assert any("outside the folder" in item for item in found)


def test_a_folder_of_files_holds_no_link_that_leads_out(other: Path) -> None:
    folder = write(other.parent / "main", {"inventory.yml": HEAD}).parent
    (folder / "z.yml").symlink_to(other)
    assert faults(folder) == [OUTSIDE.format("z.yml")]


def test_links_inside_are_followed(tmp_path: Path) -> None:
    """A volume of Kubernetes holds links to a folder with the date of its version."""
    write(tmp_path, {"..2026_11_27/inventory.yml": HEAD, "..2026_11_27/pools.yml": "version: 1\npools: {p: {}}\n"})
    (tmp_path / "..data").symlink_to("..2026_11_27")
    for name in ("inventory.yml", "pools.yml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert not any("outside" in item for item in faults(tmp_path))


def test_the_inventory_itself_may_be_a_link(tmp_path: Path) -> None:
    """The user names it."""
    path = write(tmp_path / "real", {"inventory.yml": HEAD})
    (tmp_path / "link.yml").symlink_to(path)
    assert faults(tmp_path / "link.yml") == []


def test_the_user_can_allow_more(tmp_path: Path) -> None:
    files = {"main/inventory.yml": HEAD + "include: [../shared/*.yml]\n", "shared/mail.yml": "version: 1\n"}
    path = write(tmp_path, files)
    assert faults(path) == [OUTSIDE.format("../shared/*.yml")]
    assert faults(path, tmp_path) == []


def test_playbooks_are_inside(other: Path) -> None:
    path = write(other.parent / "main", {"inventory.yml": HEAD + "playbooks: [../books, own]\n"})
    (path.parent / "own").symlink_to(other.parent)
    assert faults(path) == [OUTSIDE.format("../books"), OUTSIDE.format("own")]


def test_files_of_playbooks_are_inside(other: Path) -> None:
    path = write(other.parent / "main", {"inventory.yml": HEAD + "playbooks: [own]\n", "own/x": ""})
    (path.parent / "own" / "linux.yml").symlink_to(other)
    inventory, _ = load(path)
    assert inventory is not None
    with pytest.raises(Exception, match=r"own/linux\.yml is a link that leads out of its folder") as caught:
        load_for(inventory)
    assert CANARY not in str(caught.value)


def test_a_pattern_looks_at_a_bounded_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"a{folder}/b{below}/c.yml": "" for folder in range(5) for below in range(5)})
    assert len(Includes(tmp_path).matches("*/*/*.yml", tmp_path)) == 25
    monkeypatch.setattr(includes, "MAX_LOOKED", 54)
    with pytest.raises(NotIncluded, match="look at more than 54 files"):
        Includes(tmp_path).matches("*/*/*.yml", tmp_path)
    once = Includes(tmp_path)
    for _ in range(10):
        once.matches("*", tmp_path)
    with pytest.raises(NotIncluded, match="look at more than 54 files"):
        once.matches("*", tmp_path)


def test_hidden_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, {".hidden/a.yml": "", "seen/a.yml": "", "seen/.b.yml": ""})
    found = Includes(tmp_path)
    assert found.matches("*/*.yml", tmp_path) == [tmp_path / "seen" / "a.yml"]
    assert found.matches(".h*/*.yml", tmp_path) == [tmp_path / ".hidden" / "a.yml"]
