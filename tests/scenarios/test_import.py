"""`import` in the lab: what was set up becomes an inventory whose plan is empty."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from reconciler.render.undeclared import undeclared_text
from tests.importing.run import contents
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


def test_what_was_applied_is_imported(demo: Rehearsal) -> None:
    out = demo.folder / "out"
    ended = demo.run("import", "--lab", "--from", str(demo.file), "--out", str(out), "--layout", "split")
    assert ended.code == 0, ended.err
    assert "Plan: no changes." in ended.err
    imported = "6 proxies, 1 pool, 6 repositories, 3 organizations, 5 jobs, 1 copy job, mail settings"
    assert f"Imported {imported}" in ended.err
    files = {"demo.yml", "proxies.yml", "repositories.yml", "IMPORT.md", ".env.example"}
    assert files <= contents(out).keys()
    assert "jobs/contoso.example.com.yml" in contents(out)
    assert [file for file in [out, *out.rglob("*")] if stat.S_IMODE(file.stat().st_mode) & 0o077] == []
    valid = demo.run("validate", str(out / "demo.yml"))
    assert valid.code == 0, valid.err


def test_the_commands_of_the_report_have_the_file_of_trust(demo: Rehearsal) -> None:
    trust = demo.folder.parent / "trust.yml"
    trust.write_text("version: 1\nservers: ['*']\nhosts: ['*']\nexec: ['*']\n")
    out = demo.folder / "out"
    ended = demo.run("import", "--lab", "--trust", str(trust), "--from", str(demo.file), "--out", str(out))
    assert ended.code in (0, 3), ended.err
    report = (out / "IMPORT.md").read_text()
    commands = re.findall(r"`(vbo-reconcile [^`]*)`", report)
    assert commands
    assert [line for line in commands if not line.endswith(" --lab --trust ../../trust.yml")] == []


def test_beside_the_inventory_that_names_the_server(demo: Rehearsal, tmp_path: Path) -> None:
    base = demo.folder / "base.yml"
    text = demo.file.read_text()
    base.write_text(text[: text.index("defaults:")])
    ended = demo.run("import", "--lab", "--from", str(base), "--stdout", "--name", "demo")
    assert ended.code in (0, 3), ended.err
    assert "px-lon-1:" in ended.out
    assert not (demo.folder / "demo.yml").exists()


def test_again_adds_what_is_new_and_keeps_the_rest(demo: Rehearsal) -> None:
    out = demo.folder / "out"
    some = ("import", "--lab", "--from", str(demo.file), "--out", str(out))
    assert demo.run(*some, "--exclude", "job.contoso-mail").code in (0, 3)
    file = out / "demo.yml"
    file.write_text(file.read_text().replace("  contoso-files:", "  # mine\n  contoso-files:"))
    before = file.read_text()
    assert demo.run(*some, "--exclude", "job.contoso-mail").code in (0, 3)
    assert file.read_text() == before
    ended = demo.run(*some)
    assert "Imported 1 job" in ended.err
    added = [line for line in file.read_text().splitlines() if line not in before.splitlines()]
    assert added[0].startswith("  contoso-mail:")
    assert [line for line in before.splitlines() if line not in file.read_text().splitlines()] == []


def test_files_of_others_are_left_alone(demo: Rehearsal) -> None:
    out = demo.folder / "out"
    out.mkdir()
    (out / "IMPORT.md").write_text("mine")
    ended = demo.run("import", "--lab", "--from", str(demo.file), "--out", str(out))
    assert ended.code == 1
    assert "IMPORT.md exists, and import does not change files that it did not write" in ended.err
    assert contents(out) == {"IMPORT.md": b"mine"}


def test_what_is_not_declared_is_listed(demo: Rehearsal) -> None:
    text = demo.file.read_text()
    some = demo.folder / "some.yml"
    some.write_text(text[: text.index("defaults:")])
    ended = demo.run("import", "--diff", "--lab", "--from", str(some))
    assert ended.code == 0, ended.err
    assert "  proxy.px-lon-1  (px-lon-1.corp.example.com)" in ended.out
    data = json.loads(demo.run("import", "--diff", "--lab", "--from", str(some), "--format", "json").out)
    assert {item["address"] for item in data["undeclared"]} >= {"job.contoso-mail", "repository.fabrikam"}
    whole = json.loads(demo.run("import", "--diff", "--lab", "--from", str(demo.file), "--format", "json").out)
    assert [whole[name] for name in ("undeclared", "differing", "missing")] == [[], [], []]


def test_what_is_declared_and_different_on_the_server_is_listed(demo: Rehearsal) -> None:
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    text = demo.file.read_text()
    demo.file.write_text(text.replace("fabrikam-daily", "fabrikam-nightly"))
    ended = demo.run("import", "--diff", "--lab", "--from", str(demo.file))
    assert "  proxy.px-lon-1\n    throttle: 100 Mbps, declared is 150 Mbps\n" in ended.out
    assert "Declared, and not on vbo01.corp.example.com:\n  job.fabrikam-nightly\n" in ended.out
    found = json.loads(demo.run("import", "--diff", "--lab", "--from", str(demo.file), "--format", "json").out)
    assert undeclared_text(found) == ended.out
    one = {"address": "proxy.px-lon-1", "path": "throttle", "server": "100 Mbps", "declared": "150 Mbps"}
    assert found["differing"] == [one]
    assert found["missing"] == ["job.fabrikam-nightly"]
    assert [item["address"] for item in found["undeclared"]] == ["job.fabrikam-daily"]


def test_wrong_usage(demo: Rehearsal) -> None:
    for arguments, message in {
        ("--server", "vbo01", "--out", "x"): "give --server HOST --username USER",
        ("--server", "vbo01", "--username", "a", "--password", "hunter2", "--stdout"): "never an argument",
        ("--server", "vbo01", "--from", str(demo.file), "--stdout"): "not both",
        ("--from", str(demo.file)): "give --out FOLDER",
        ("--server", "vbo01", "--username", "a", "--stdout", "--login", "linux"): "CLASS=USER",
    }.items():
        ended = demo.run("import", *arguments)
        assert (ended.code, message in ended.err) == (64, True), ended.err
        assert "hunter2" not in ended.err
