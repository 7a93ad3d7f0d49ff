"""What shells complete besides commands and options."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reconciler.cli.boundary import COMPLETE, run
from reconciler.cli.completions import SHELLS
from tests.cli.running import call
from tests.hosts.powershell import engine, run_text

INVENTORY = """\
version: 1
name: corp
server: {host: vbo.example.net, credentials: administrator}
credentials:
  administrator: {username: administrator, password: secret://env/PASSWORD}
organizations:
  contoso.example.com: {}
groups:
  london: {type: domain}
proxies:
  px-1: {host: px-1.example.net, group: london, credentials: administrator}
repositories:
  mail: {proxy: px-1, path: 'D:\\mail', retention: {type: item-level, keep: 3 years}}
jobs:
  daily: {organization: contoso.example.com, repository: mail}
  weekly mail: {organization: contoso.example.com, repository: mail}
copy_jobs:
  daily-copy: {job: daily, repository: mail}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "corp.yml").write_text(INVENTORY, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def completed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str, shell: str = "bash"
) -> list[str]:
    for name, value in {
        COMPLETE: f"{shell}_complete",
        "COMP_WORDS": " ".join(word or "''" for word in ("vbo-reconcile", *words)),
        "COMP_CWORD": str(len(words)),
    }.items():
        monkeypatch.setenv(name, value)
    assert run([]) == 0
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param(["plan", "--format", "h"], ["human", "html"], id="formats"),
        pytest.param(["doctor", "--format", ""], ["human", "json", "html"], id="formats of another command"),
        pytest.param(["apply", "corp.yml", "--waive", "max"], ["max-changes=", "max-deletes="], id="guards"),
        pytest.param(["plan", "corp.yml", "--target", "pro"], ["proxy.px-1"], id="addresses"),
        pytest.param(["drift", "corp.yml", "--exclude", "@"], ["@london"], id="groups"),
        pytest.param(["plan", "none.yml", "--target", "pro"], [], id="no inventory"),
        pytest.param(["apply", "corp.yml", "--resume", "l"], ["last"], id="runs"),
        pytest.param(["runs", "show", ""], ["last"], id="runs of an empty journal"),
    ],
)
def test_values_are_completed(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    found: list[str],
) -> None:
    assert completed(capsys, monkeypatch, *words) == [f"plain,{value}" for value in found]


def test_jobs_are_those_of_the_inventory_that_is_here(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert completed(capsys, monkeypatch, "jobs", "run", "d") == ["file,d"]
    (folder / "corp.yml").rename(folder / "inventory.yml")
    assert completed(capsys, monkeypatch, "jobs", "run", "d") == ["plain,daily", "plain,daily-copy", "file,d"]


def test_an_inventory_with_errors_completes_what_can_be_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "corp.yml").write_text("version: 9\nproxies: {px-1: {hots: x}}\njobs: 7\n", "utf-8")
    assert completed(capsys, monkeypatch, "plan", "corp.yml", "--target", "") == ["plain,proxy.px-1"]
    (folder / "corp.yml").write_text("version: 1\nserver: [", "utf-8")
    assert completed(capsys, monkeypatch, "plan", "corp.yml", "--target", "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(shell: str) -> None:
    ended = call("completion", shell)
    assert ended.code == 0
    assert COMPLETE in ended.out
    assert "vbo-reconcile" in ended.out


@pytest.mark.matrix
def test_powershell_completes_and_quotes(folder: Path) -> None:
    engine()
    program = folder / "bin" / "vbo-reconcile"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n', "utf-8")
    program.chmod(0o755)
    lines = ["vbo-reconcile pl", "vbo-reconcile plan corp.yml --target p", "vbo-reconcile plan corp.yml --target '@"]
    asked = "\n".join(
        f'[System.Management.Automation.CommandCompletion]::CompleteInput("{line}", {len(line)}, $null)'
        ".CompletionMatches | ForEach-Object { $_.CompletionText }"
        for line in lines
    )
    script = f"{call('completion', 'powershell').out}\n{asked}\n"
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = run_text(script, b"", {"PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])})
    assert done.stdout.split() == ["plan", "proxy.px-1", "'@london'"], done.stderr
