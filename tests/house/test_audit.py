"""What `make audit` says of the answers of pip-audit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import audit

FLAWED = {"name": "x", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}, {"id": "CVE-2"}]}
FINE = {"name": "y", "version": "1", "vulns": []}
UNKNOWN = {"name": "z", "skip_reason": "not found"}


def answers(monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str = "") -> None:
    def run(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(arguments, 1, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([FLAWED, FINE], 1, "x 1: CVE-1 (mended in: 2)"),
        ([FLAWED], 1, "x 1: CVE-2 (mended in: none yet)"),
        ([FINE, UNKNOWN], 0, "z not audited: not found"),
        ([UNKNOWN], 0, "skipped, since the data cannot be had: not found"),
    ],
)
def test_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], packages: list[Any], code: int, said: str
) -> None:
    answers(monkeypatch, json.dumps({"dependencies": packages}))
    assert audit.main() == code
    assert said in capsys.readouterr().out


def test_without_a_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers(monkeypatch, "", "Traceback\nConnectionError: no route")
    assert audit.main() == 0
    assert "skipped, since the data cannot be had: ConnectionError: no route" in capsys.readouterr().out


def test_every_lock_is_audited(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers(monkeypatch, json.dumps({"dependencies": [FINE]}))
    audit.main()
    locks = {file.name for file in (Path(__file__).parents[2] / ".requirements").iterdir()}
    assert {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()} == locks
