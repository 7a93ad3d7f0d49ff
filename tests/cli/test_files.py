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


def test_a_place_is_said_as_seen_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor opens what a terminal shows. Programs read it relative to the inventory: the same bytes everywhere."""
    sites = tmp_path / "repo" / "sites" / "lon"
    sites.mkdir(parents=True)
    (sites / "corp.yml").write_text("version: 1\nname: corp\nserver: {host: vbo, credentials: ops}\n")
    monkeypatch.chdir(tmp_path / "repo")
    for path in ("sites/lon/corp.yml", "sites/lon", str(sites)):
        assert "│   sites/lon/corp.yml:3:" in call("validate", path).out
        assert '"file": "corp.yml"' in call("validate", path, "--format", "json").out
    assert "│   sites/lon/corp.yml:3:" in call("plan", "sites/lon").err
    monkeypatch.chdir(sites)
    for path in ("corp.yml", "../lon", str(sites)):
        assert "│   corp.yml:3:" in call("validate", path).out
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "│   corp.yml:3:" in call("validate", str(sites)).out


def test_a_place_in_a_fleet_names_the_folder_of_its_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for site in ("lon", "nyc"):
        (tmp_path / site).mkdir()
        (tmp_path / site / "corp.yml").write_text(
            f"version: 1\nname: {site}\nserver: {{host: vbo-{site}, credentials: ops}}\n"
        )
    (tmp_path / "fleet.yml").write_text('version: 1\nfleet: {name: all}\ninventories: ["*/corp.yml"]\n')
    monkeypatch.chdir(tmp_path)
    said = call("validate", "fleet.yml").out
    assert "lon (lon/corp.yml)\n" in said
    assert "│   lon/corp.yml:3:" in said
    assert "│   nyc/corp.yml:3:" in said
