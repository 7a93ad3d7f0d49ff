"""Where the program keeps what belongs to an account, and what it says where an account has no home."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn

import pytest

import reconciler
from reconciler.cli.crash import crash_diagnostic
from reconciler.clients.ssh.host_keys import HostKeys
from reconciler.model.connection import Connection, Transport
from reconciler.operations.journals import open_journal
from reconciler.operations.runtime import Runtime
from reconciler.package_data import package_data
from reconciler.user_folders import NoFolder, cache_folder, own_folder, state_folder
from tests.cli.running import call


@pytest.fixture
def without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that the system does not know, as containers have it: `~` stays what it is."""

    def fail() -> NoReturn:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


@pytest.mark.usefixtures("without_home")
def test_without_a_home_the_variables_are_the_way_out() -> None:
    assert state_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/vbo-reconcile")
    for folder, variable in ((state_folder, "XDG_STATE_HOME"), (cache_folder, "XDG_CACHE_HOME")):
        with pytest.raises(NoFolder) as caught:
            folder({})
        assert f"export {variable}=" in str(caught.value.diagnostics[0].fix)


def test_a_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoFolder) as caught:
        own_folder(tmp_path / "file" / "state")
    assert str(tmp_path / "file") in caught.value.diagnostics[0].detail
    assert "export XDG_STATE_HOME=" in str(caught.value.diagnostics[0].fix)


@pytest.mark.usefixtures("without_home")
def test_a_journal_that_is_named_takes_no_home(tmp_path: Path) -> None:
    with open_journal(Runtime(environment={"VBO_RECONCILE_JOURNAL": str(tmp_path / "journal.db")})) as journal:
        assert journal.runs(1) == []


@pytest.mark.usefixtures("without_home")
def test_without_a_home_a_bug_is_reported_without_a_file() -> None:
    assert "could not be written: HOME is not set" in str(crash_diagnostic(ValueError("x"), {}).fix)


@pytest.mark.usefixtures("without_home")
def test_without_a_home_no_host_is_known() -> None:
    assert HostKeys.of(Connection("px", "px.example.net", Transport.SSH), "/").trusted == ()


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")


@pytest.mark.usefixtures("on_windows")
def test_on_windows_variables_are_set_as_powershell_does(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoFolder) as caught:
        own_folder(tmp_path / "file" / "state")
    assert "$env:XDG_STATE_HOME = 'C:\\ProgramData\\vbo-reconcile'" in str(caught.value.diagnostics[0].fix)


@pytest.mark.usefixtures("on_windows")
@pytest.mark.parametrize("command", [["plan", "--lab"], ["lab", "status"], ["lab", "reset"], ["doctor", "--lab"]])
def test_on_windows_the_lab_says_that_it_does_not_run(command: list[str], tmp_path: Path) -> None:
    demo = str(package_data("inventories", "demo.yml"))
    ended = call(*command, demo, environment={"TERM": "dumb", "XDG_STATE_HOME": str(tmp_path)})
    assert ended.code == 1
    assert "The lab does not run on Windows" in ended.err
    assert "bug" not in ended.err


def test_the_lab_alone_needs_what_windows_lacks() -> None:
    """Modules of Python that Windows does not have are imported by the lab only."""
    house = Path(reconciler.__file__).parent
    lacking = re.compile(r"^\s*(?:import|from) (?:fcntl|termios|pty|pwd|grp|resource)\b", re.MULTILINE)
    found = {
        file.relative_to(house).parts[0] for file in house.rglob("*.py") if lacking.search(file.read_text("utf-8"))
    }
    assert found <= {"lab"}
