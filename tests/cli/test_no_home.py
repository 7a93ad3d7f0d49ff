"""An account with a number and no name, as in containers: no HOME, no entry in the user database."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from reconciler.clients.ssh.host_keys import HostKeys
from reconciler.model.connection import Connection, Transport
from tests.cli.running import call

SMALL = str(Path(__file__).parents[2] / "inventories" / "small.yml")


def unknown(_: int) -> NoReturn:
    raise KeyError("a number without a name")


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "list"],
        ["lock", "list"],
        ["plan", "--lab", SMALL],
        ["doctor", "--lab", SMALL],
        ["lab", "status", SMALL],
        ["apply", SMALL, "--auto-approve"],
    ],
)
def test_a_command_that_needs_a_folder_names_the_variable(arguments: list[str]) -> None:
    ended = call(*arguments, environment={"TERM": "dumb"})
    assert ended.code == 1
    assert "Error: This account has no folder for its files" in ended.err
    assert "export XDG_STATE_HOME=" in ended.err


@pytest.mark.parametrize("journal", ["~/journal.db", "~somebody-else/journal.db"])
def test_a_journal_below_an_unknown_home(journal: str) -> None:
    ended = call("runs", "list", environment={"TERM": "dumb", "VBO_RECONCILE_JOURNAL": journal})
    assert ended.code == 1
    assert "VBO_RECONCILE_JOURNAL: the system knows no home for ~" in ended.err


def test_a_journal_in_postgresql_needs_no_home() -> None:
    where = "postgresql+psycopg://vbo@localhost:1/vbo"
    ended = call("runs", "list", environment={"TERM": "dumb", "VBO_RECONCILE_JOURNAL": where})
    assert ended.code == 1
    assert "no connection (the PostgreSQL database vbo at localhost" in ended.err


def test_a_command_that_needs_no_folder_works() -> None:
    ended = call("validate", SMALL, environment={"TERM": "dumb"})
    assert ended.code == 0


def test_host_keys_are_those_of_the_inventory(tmp_path: Path) -> None:
    assert HostKeys.of(Connection("px-1", "px-1.example.com", Transport.SSH, None), str(tmp_path)).trusted == ()
