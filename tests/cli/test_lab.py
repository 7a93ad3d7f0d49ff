"""`lab`: the commands around the emulated world, with a made-up lab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import FakeWorld, call, install, inventory

ENDS: dict[str, Any] = {
    "url": "https://127.0.0.2:4443",
    "token_url": "https://127.0.0.2:4443/v8/token",
    "ca_file": "/state/ca.pem",
    "username": "CORP\\svc",
    "password": "Lab-1abc",
    "smtp": {"name": "smtp.example.com", "host": "127.0.0.3", "port": 587, "security": "tls"},
    "hosts": [
        {"name": "px-1", "transport": "winrm", "address": "127.0.0.4", "port": 5986, "username": "a", "password": "b"},
        {"name": "px-2", "transport": "ssh", "address": "127.0.0.5", "port": 22, "username": "c", "key_file": "/k"},
    ],
}


class Lab:
    def __init__(self) -> None:
        self.was_set: list[tuple[str, str, str]] = []

    def endpoints(self) -> dict[str, Any]:
        return ENDS

    def status(self) -> dict[str, Any]:
        return {"hosts": {"px-1": {"power": "on"}}, "mails": [], "note": "x\x1b[2J"}

    def set(self, target: str, key: str, value: str) -> str:
        self.was_set.append((target, key, value))
        return f"{target}: {key} is {value}"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()

    @contextmanager
    def open_lab(*args: Any) -> Iterator[Lab]:
        yield made

    install(monkeypatch, FakeWorld([], inventory()))
    monkeypatch.setattr("reconciler.operations.lab.open_lab", open_lab)
    return made


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes as soon as the command waits for it."""

    def wait() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.cli.lab.wait_for_interrupt", wait)


@pytest.mark.usefixtures("lab", "interrupted")
def test_serve_tells_people_where_everything_is() -> None:
    ended = call("lab", "serve", "x.yml")
    assert ended.code == 0
    assert ended.out == (
        "This is the lab: an emulation on this machine. Ctrl-C stops it.\n"
        "\n"
        "url       https://127.0.0.2:4443\n"
        "ca_file   /state/ca.pem\n"
        "username  CORP\\svc\n"
        "password  Lab-1abc\n"
        "smtp      127.0.0.3:587 (smtp.example.com, security tls)\n"
        "\n"
        "HOST  TRANSPORT  ADDRESS    PORT  USER  PASSWORD OR FILES\n"
        "px-1  winrm      127.0.0.4  5986  a     b\n"
        "px-2  ssh        127.0.0.5  22    c     /k\n"
        "\n"
        "To log in to its REST API:\n"
        "  curl --cacert /state/ca.pem --data-urlencode grant_type=password --data-urlencode 'username=CORP\\svc'"
        " --data-urlencode password=Lab-1abc https://127.0.0.2:4443/v8/token\n"
    )


@pytest.mark.usefixtures("lab", "interrupted")
def test_serve_tells_programs_in_one_line() -> None:
    ended = call("lab", "serve", "x.yml", "--format", "json")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    assert json.loads(ended.out) == ENDS


@pytest.mark.usefixtures("lab")
def test_status() -> None:
    ended = call("lab", "status")
    assert ended.code == 0
    assert ended.out == "hosts:\n  px-1:\n    power: on\nmails: []\nnote: x\\x1b[2J\n"
    assert json.loads(call("lab", "status", "--format", "json").out)["mails"] == []


def test_set(lab: Lab) -> None:
    ended = call("lab", "set", "px-1", "note=a=b", "--inventory", "x.yml")
    assert (ended.code, ended.out) == (0, "px-1: note is a=b\n")
    assert lab.was_set == [("px-1", "note", "a=b")]


@pytest.mark.parametrize("setting", ["power", "=off", ""])
def test_a_setting_without_key_or_value_is_wrong_usage(lab: Lab, setting: str) -> None:
    assert call("lab", "set", "px-1", setting).code == 64
    assert lab.was_set == []


@pytest.mark.usefixtures("lab")
def test_reset_forgets_this_lab_and_no_other(tmp_path: Path) -> None:
    ours, other = (tmp_path / "vbo-reconcile" / "lab" / name for name in ("corp", "other"))
    for folder in (ours, other):
        folder.mkdir(parents=True)
        (folder / "server.json").write_text("{}", encoding="utf-8")
    ended = call("lab", "reset", "x.yml", environment={"XDG_STATE_HOME": str(tmp_path)})
    assert (ended.code, ended.out) == (0, "The lab of corp was reset.\n")
    assert not ours.exists()
    assert other.exists()
    assert call("lab", "reset", "x.yml", environment={"XDG_STATE_HOME": str(tmp_path)}).code == 0


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("arguments", [["status"], ["set", "px-1", "power=off"], ["reset"]])
def test_without_an_inventory_it_says_whose_lab_it_is(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "vbo-reconcile" / "lab" / "corp").mkdir(parents=True)
    ended = call("lab", *arguments, environment={"XDG_STATE_HOME": str(tmp_path)})
    assert ended.code == 0
    assert "this is the lab of the demo inventory that is shipped. Other labs here: corp." in ended.err
    assert "demo" not in call("lab", *arguments, "x.yml" if arguments[0] != "set" else "--inventory=x.yml").err


def test_the_lab_of_an_inventory_with_errors_is_reset(tmp_path: Path) -> None:
    half = tmp_path / "half.yml"
    half.write_text("version: 1\nname: corp\nserver: {host: x\n", encoding="utf-8")
    ended = call("lab", "reset", str(half), environment={"XDG_STATE_HOME": str(tmp_path)})
    assert (ended.code, ended.out) == (0, "The lab of corp was reset.\n")
