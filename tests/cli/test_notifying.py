"""`--notify-url`: one message when the run has ended, and never a failure because of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.secret import Secret, SecretRef
from tests.cli.running import FakeLab, FakeWorld, call, install, inventory
from tests.cli.test_turn import change, plan

TOKEN = "T0K3N-of-a-webhook"


class Hook(HTTPServer):
    """A webhook on loopback that keeps the messages and answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[dict[str, Any]] = []
        self.status = 204

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/{TOKEN}"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "https://elsewhere.example.com/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        if step.name == "daily":
            raise StepFailed("the job ended as Failed", ("last line",))

    monkeypatch.setitem(RUN, "job.run", do)
    made = FakeWorld([plan(change("daily"), change("weekly")), plan()], inventory("daily", "weekly"))
    install(monkeypatch, made)
    return made


def test_a_run_is_told_with_what_failed(world: FakeWorld, hook: Hook) -> None:
    ended = call("apply", "x.yml", "--auto-approve", "--notify-url", hook.address)
    assert ended.code == 3
    (message,) = hook.received
    assert (message["operation"], message["inventory"], message["state"]) == ("apply", "corp", "applied in part")
    assert (message["exit_code"], message["counts"]) == (3, {"done": 1, "failed": 1})
    assert message["failed"] == [{"address": "job.daily", "action": "create", "detail": "the job ended as Failed"}]
    assert TOKEN not in ended.out + ended.err


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_a_warning(world: FakeWorld, hook: Hook, status: int) -> None:
    hook.status = status
    ended = call("apply", "x.yml", "--auto-approve", "--notify-url", hook.address)
    assert ended.code == 3
    assert "Warning: The webhook was not notified" in ended.err
    assert f"127.0.0.1: notifying the webhook: it answered {status}" in ended.err
    assert TOKEN not in ended.out + ended.err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"http://127.0.0.1:1/{TOKEN}", "The webhook was not notified"),
        (f"http://hooks.example.com/{TOKEN}", "does not begin with https://"),
        (f"ftp:{TOKEN}", "does not begin with https://"),
        (f"https://[::1/{TOKEN}", "its address is not a URL"),
        (f"https://hooks.example.com:99999/{TOKEN}", "its address is not a URL"),
        (f"https://hooks.example.com:port/{TOKEN}", "its address is not a URL"),
        ("secret://nothing", "is not of the form secret://SCHEME/PATH"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_warning(world: FakeWorld, address: str, said: str) -> None:
    ended = call("apply", "x.yml", "--auto-approve", "--notify-url", address)
    assert ended.code == 3
    assert said in ended.err
    assert TOKEN not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_the_address_may_be_a_secret(world: FakeWorld, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SecretRef] = []

    def resolve(reference: SecretRef) -> Secret:
        asked.append(reference)
        return Secret(hook.address)

    monkeypatch.setattr(FakeWorld, "context", SimpleNamespace(secret=resolve), raising=False)
    call("apply", "x.yml", "--auto-approve", "--notify-url", "secret://env/HOOK")
    assert [str(reference) for reference in asked] == ["secret://env/HOOK"]
    assert len(hook.received) == 1


def test_a_rehearsal_tells_nobody(world: FakeWorld, hook: Hook) -> None:
    world.lab = FakeLab()
    ended = call("apply", "x.yml", "--auto-approve", "--notify-url", hook.address)
    assert hook.received == []
    assert "not notified of runs in the lab" in ended.err


def test_nothing_to_do_is_told_to_nobody(world: FakeWorld, hook: Hook) -> None:
    world.plans = [plan()]
    assert call("apply", "x.yml", "--auto-approve", "--notify-url", hook.address).code == 0
    assert hook.received == []
