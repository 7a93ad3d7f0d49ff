"""The folder of installation packages on Windows: every user may create it first, and must gain nothing by it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.package_data import shipped_script
from tests.hosts import windows
from tests.hosts.powershell import Windows

pytestmark = pytest.mark.matrix

USER, GROUP = "S-1-5-21-1-2-3-1001", "S-1-5-32-545"
OWN = ["S-1-5-32-544", "S-1-5-18"]
LOOK = {"name": "5e" * 32 + ".msi", "sha256": "5e" * 32, "offset": 0, "data": "", "step": "look"}
UPLOAD, STAGE = shipped_script("windows/upload.ps1"), shipped_script("windows/package-stage.ps1")
PACKAGE = b"a package"


class Folders:
    def __init__(self, folder: Path) -> None:
        self.host = Windows(folder, windows.host())
        self.parent = folder / "data" / "vbo-reconcile"
        self.packages = self.parent / "packages"

    def made_before(self, path: Path, **access: Any) -> None:
        path.mkdir(parents=True)
        known = {"owner": OWN[0], "inherited": [], "explicit": []} | access
        self.host.world.setdefault("access", {})[str(path)] = known

    def access(self) -> list[dict[str, Any]]:
        found: dict[str, Any] = self.host.world["access"]
        return [found[str(path)] for path in (self.parent, self.packages)]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_new_folders_belong_to_administrators_and_are_theirs_alone(folders: Folders) -> None:
    assert folders.host.run(UPLOAD, LOOK).document["size"] == 0
    assert folders.access() == [{"owner": OWN[0], "inherited": [], "explicit": OWN}] * 2


@pytest.mark.parametrize("which", ["parent", "packages"])
def test_a_folder_that_another_account_created_is_refused(folders: Folders, which: str) -> None:
    if which == "packages":
        folders.made_before(folders.parent)
    folders.made_before(getattr(folders, which), owner=USER, explicit=[USER, *OWN])
    error = folders.host.run(UPLOAD, LOOK).error
    assert f"belongs to {USER}" in error["message"]
    assert not list(folders.packages.glob("*"))


@pytest.mark.parametrize("which", ["parent", "packages"])
def test_rights_of_others_are_removed_from_a_folder_of_administrators(folders: Folders, which: str) -> None:
    for name in ("parent", "packages"):
        folders.made_before(
            getattr(folders, name), inherited=[GROUP], explicit=[USER, "S-1-1-0"] if name == which else []
        )
    assert folders.host.run(UPLOAD, LOOK).document["size"] == 0
    assert folders.access() == [{"owner": OWN[0], "inherited": [], "explicit": OWN}] * 2


def test_a_link_is_refused(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folders.made_before(folders.parent)
    folders.packages.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in folders.host.run(UPLOAD, LOOK).error["message"]


def test_a_package_in_a_folder_of_others_is_not_taken_for_an_upload(folders: Folders) -> None:
    digest = hashlib.sha256(PACKAGE).hexdigest()
    folders.made_before(folders.parent, owner=USER)
    folders.made_before(folders.packages, owner=USER)
    (folders.packages / f"{digest}.msi").write_bytes(PACKAGE)
    asked = {"sha256": digest, "kind": "msi", "upload": ""}
    assert folders.host.run(STAGE, asked).document == {"staged": False}
    error = folders.host.run(STAGE, asked | {"upload": f"{digest}.msi"}).error
    assert f"belongs to {USER}" in error["message"]
    folders.host.world["access"] = {}
    for path in (folders.parent, folders.packages):
        folders.host.world["access"][str(path)] = {"owner": OWN[1], "inherited": OWN, "explicit": OWN}
    assert folders.host.run(STAGE, asked).document == {"staged": True}


def test_both_scripts_judge_the_folder_alike() -> None:
    judges = [re.search(r"function Get-Flaw.*?^}", script.text, re.DOTALL | re.MULTILINE) for script in (UPLOAD, STAGE)]
    assert judges[0] is not None
    assert judges[1] is not None
    assert judges[0][0] == judges[1][0]
