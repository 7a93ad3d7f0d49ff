"""`--trust`: nothing is asked of anyone that the file does not name."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.running import call
from tests.inventory.writing import HEAD, write


@pytest.fixture
def nothing_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    def dial(*arguments: object, **options: object) -> None:
        raise AssertionError(f"dialled: {arguments}")

    monkeypatch.setattr(socket, "create_connection", dial)
    monkeypatch.setattr(socket.socket, "connect", dial)
    monkeypatch.setattr(socket, "getaddrinfo", dial)


@pytest.mark.usefixtures("nothing_is_dialled")
@pytest.mark.parametrize("command", [["plan"], ["drift"], ["apply", "--auto-approve"], ["doctor"], ["jobs", "list"]])
@pytest.mark.parametrize("given", ["option", "environment"])
def test_an_inventory_beyond_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], given: str
) -> None:
    inventory = write(tmp_path / "inventory", {"corp.yml": HEAD})
    trust = tmp_path / "trust.yml"
    trust.write_text("version: 1\nservers: [another.example.com]\n")
    environment = {"TERM": "dumb", "XDG_STATE_HOME": str(tmp_path), "P": "hunter2"}
    if given == "environment":
        monkeypatch.setenv("VBO_RECONCILE_TRUST", str(trust))
        command = [*command, str(inventory)]
    else:
        command = [*command, str(inventory), "--trust", str(trust)]
    ended = call(*command, environment=environment)
    assert ended.code == 1
    assert "Not allowed by the file of --trust" in ended.err
    assert "servers: [vbo.example.com]" in ended.err


def test_validate_says_it_offline(tmp_path: Path) -> None:
    inventory = write(tmp_path / "inventory", {"corp.yml": HEAD})
    trust = tmp_path / "trust.yml"
    trust.write_text("version: 1\n")
    ended = call("validate", str(inventory), "--trust", str(trust))
    assert ended.code == 1
    assert "corp.yml:3:1" in ended.out
    trust.write_text("version: 1\nservers: [vbo.example.com]\n")
    assert call("validate", str(inventory), "--trust", str(trust)).code == 0
