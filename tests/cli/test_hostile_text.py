"""Commands that print what a server, a journal or an inventory names: one line each, whatever the name is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.cli.console import Console
from reconciler.operations.events import InventoryLoaded
from tests.cli.running import Stream, call
from tests.render.test_hostile_text import EVIL, commands


def test_the_settings_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"smtpServer": EVIL, "port": EVIL, "from": EVIL, "to": EVIL}
    mails = [{"proxy": EVIL, "from": EVIL, "to": [EVIL], "subject": EVIL}]
    test = SimpleNamespace(settings=settings, mails=mails)
    monkeypatch.setattr("reconciler.operations.send_test_mail", lambda *_, **__: test)
    ended = call("smtp", "test", "x.yml")
    assert ended.code == 0
    assert commands(ended.out) == []
    assert len(ended.out.splitlines()) == 4


def test_the_holder_of_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = SimpleNamespace(name=EVIL, describe=lambda: EVIL)

    def take(*_: Any, confirm: Any) -> Any:
        assert not confirm(holder)
        return holder

    monkeypatch.setattr("reconciler.operations.break_lock", take)
    ended = call("lock", "break", "1", terminal=True, answer="no\n")
    assert commands(ended.out) == commands(ended.err) == []
    assert len(ended.out.splitlines()) == 1
    assert len(ended.err.splitlines()) == 3


def test_the_files_of_an_inventory() -> None:
    err = Stream()
    Console(Stream(), err, environment={}, verbose=True).hear(InventoryLoaded((EVIL, "b.yml"), ()))
    assert commands(err.getvalue()) == []
    assert len(err.getvalue().splitlines()) == 1
