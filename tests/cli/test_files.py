"""Files that a command line names: what is read and written, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import call, install
from tests.cli.test_plan import world


@pytest.mark.parametrize("option", ["--format", "--json-into"])
def test_output_is_not_written_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """A checkout may hold a link, or a folder that is one, where a pipeline writes its report."""
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = outside / "plan.json"
    kept.write_text("kept")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "reports").symlink_to(outside)
    (work / "plan.json").symlink_to(kept)
    install(monkeypatch, world())
    for file, link in (
        ("plan.json", "plan.json"),
        ("reports/new.json", "reports"),
        (str(work / "plan.json"), "plan.json"),
    ):
        value = f"json={file}" if option == "--format" else file
        ended = call("plan", "x.yml", option, value)
        assert ended.code == 64
        assert f"'{work / link}' is a symbolic link" in " ".join(ended.err.split())
    assert sorted(outside.iterdir()) == [kept]
    assert kept.read_text() == "kept"


def test_the_files_of_an_inventory_may_be_in_a_folder_that_the_user_names(tmp_path: Path) -> None:
    shared = tmp_path / "shared.yml"
    shared.write_text("version: 1\ncredentials: {admin: {username: a, password: secret://env/P}}\n")
    main = tmp_path / "main" / "corp.yml"
    main.parent.mkdir()
    main.write_text(
        "version: 1\nname: corp\nserver: {host: vbo.example.com, credentials: admin}\ninclude: [../shared.yml]\n"
    )
    refused = call("validate", str(main))
    assert refused.code == 1
    assert "--include-root FOLDER" in refused.out
    assert call("validate", str(main), "--include-root", str(tmp_path)).code == 0
    assert call("validate", str(main), "--include-root", str(tmp_path / "absent")).code == 64
