"""Loading playbooks: what is shipped, and what is said about a playbook that is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.package_data import playbooks_folder, shipped_script
from reconciler.requirements import load

SHIPPED = playbooks_folder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "playbooks"))


def broken(folder: Path) -> list[str]:
    with pytest.raises(Diagnosed) as caught:
        load(folder)
    return [f"{item.position}: {item.detail}" for item in caught.value.diagnostics]


def change(folder: Path, old: str, new: str, file: str = "windows.yml") -> int:
    """Replace `old`, and return its line."""
    text = (folder / file).read_text("utf-8")
    assert text.count(old) >= 1
    (folder / file).write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_what_is_shipped_can_be_loaded() -> None:
    found = load(SHIPPED)
    assert sorted(found) == ["linux", "windows"]
    for system, playbook in found.items():
        assert playbook.os == system
        assert playbook.facts == shipped_script(playbook.facts.name)
        assert len({item.name for item in playbook.requirements}) == len(playbook.requirements)
        for item in playbook.requirements:
            assert item.remedy is None or item.remedy.script in playbook.scripts


@pytest.mark.parametrize("name", ["windows/facts.ps1", "linux/facts.sh", "server/version.ps1"])
def test_a_shipped_script_is_found_by_its_path(name: str) -> None:
    script = shipped_script(name)
    assert script.name == name
    assert script.is_powershell is name.endswith(".ps1")
    assert script.text.isascii()


@pytest.mark.parametrize(
    "name", ["windows/nowhere.ps1", "../pyproject.toml", "/etc/passwd", "bootstrap.ps1", "windows.yml", ""]
)
def test_nothing_else_is(name: str) -> None:
    with pytest.raises(KeyError):
        shipped_script(name)


def test_everything_that_is_wrong_is_said_at_once_with_its_place(folder: Path) -> None:
    lines = [
        change(folder, "at_least: 3", "atleast: 3"),
        change(folder, "name: admin-share", "name: Admin Share"),
    ]
    change(folder, "version: 1", "version: 2", "linux.yml")
    answer = broken(folder)
    assert any(item.startswith("linux.yml:4:10: version: 1 was expected") for item in answer)
    assert any(item.startswith(f"windows.yml:{lines[1]}:") and "Admin Share" in item for item in answer)
    assert any("'atleast' was unexpected" in item for item in answer)


def test_names_are_there_once_and_scripts_exist(folder: Path) -> None:
    name = change(folder, "name: disk", "name: clock")
    script = change(folder, "script: windows/open-port.ps1", "script: windows/nowhere.ps1")
    (folder / "linux" / "facts.sh").unlink()
    answer = broken(folder)
    assert any(
        item.startswith(f"windows.yml:{name}:") and "requirement clock is declared twice" in item for item in answer
    )
    assert any(
        item.startswith(f"windows.yml:{script}:") and "The script windows/nowhere.ps1 does not exist" in item
        for item in answer
    )
    assert any(item.startswith("linux.yml:") and "The script linux/facts.sh does not exist" in item for item in answer)


def test_a_file_says_for_which_system_it_is(folder: Path) -> None:
    change(folder, "os: windows", "os: linux")
    assert any("`os` in windows.yml is linux" in item for item in broken(folder))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [", "The file ends here, and a bracket is not closed"),
        (b"a: \xff", "windows.yml:1:4: Byte 0xff in windows.yml is not UTF-8 text"),
        (b"!!python/object/apply:os.system [id]", "windows.yml:1:1: A tag (!) cannot be used here"),
        (b"a: 1\na: 2", "windows.yml:2:1: `a` appears twice"),
        (
            b"a: &a [x]\n"
            + b"".join(b"k%d: &%c [%s]\n" % (n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
            "alias",
        ),
        (b"", "windows.yml:1:1: windows.yml declares nothing"),
        (b"- 1", "is not of type 'object'"),
    ],
)
def test_a_file_that_is_no_playbook(folder: Path, content: bytes, said: str) -> None:
    (folder / "windows.yml").write_bytes(content)
    assert any(said in item for item in broken(folder))


def test_a_file_that_is_missing(folder: Path) -> None:
    (folder / "linux.yml").unlink()
    assert broken(folder) == ["None: linux.yml does not exist."]
