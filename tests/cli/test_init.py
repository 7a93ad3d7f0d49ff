"""`init`: a first inventory that is valid, and that no other file is lost for."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.operations.first_inventory import CLASSES, FirstProxy, first_inventory
from reconciler.operations.import_source import ServerLogin
from tests.cli.running import Ended, call

LOGIN = ServerLogin(host="vbo01.corp.example.com", username="CORP\\svc-vbo")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str) -> Ended:
    return call("init", "--server", LOGIN.host, "--username", LOGIN.username, *arguments)


@pytest.mark.parametrize("user", ["", "CORP\\it's", "root"])
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("host", ["px-1.corp.example.com", "PX_9", "10.0.0.7"])
def test_what_it_writes_is_valid(host: str, kind: str, user: str, tmp_path: Path) -> None:
    text = first_inventory(LOGIN, "corp", FirstProxy(host=host, kind=kind, username=user))
    assert [line for line in text.splitlines() if "  # " in line and len(line) > 80] == []
    (tmp_path / "corp.yml").write_text(text)
    ended = call("validate", "corp.yml")
    assert ended.code == 0, ended.err
    assert ended.out == "Valid: corp declares 1 proxy.\n"


def test_what_cannot_be_an_inventory_is_not_written() -> None:
    for login in (ServerLogin(host="a: {", username="x"), ServerLogin(host="vbo.example.com", username="x", port=1)):
        with pytest.raises(Diagnosed):
            first_inventory(login, "no name" if login.port else "corp")


def test_offline_it_asks_nobody_and_says_what_comes_next(tmp_path: Path) -> None:
    ended = init("--offline", "--proxy", "lx-1.example.net", "--proxy-class", "linux", "--proxy-user", "backup")
    assert ended.code == 0, ended.err
    assert (tmp_path / "vbo01.yml").stat().st_mode & 0o777 == 0o600
    for line in (
        "  export VBO_PASSWORD=...",
        "  export LX_1_PASSWORD=...",
        "  vbo-reconcile validate vbo01.yml",
        "  vbo-reconcile plan vbo01.yml",
        "  vbo-reconcile apply vbo01.yml --lab",
    ):
        assert line in ended.err.splitlines()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "vbo01.yml").write_text("mine")
    ended = init("--offline")
    assert ended.code == 64
    assert "exists, and is not overwritten" in ended.err
    assert (tmp_path / "vbo01.yml").read_text() == "mine"


def test_without_a_terminal_the_server_is_an_option() -> None:
    ended = call("init")
    assert ended.code == 64
    assert "give --server HOST --username USER" in ended.err
