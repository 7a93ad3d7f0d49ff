"""Watches share one thread, which has to outlive whatever one of them does."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from reconciler.clients.ssh import watchdog
from reconciler.clients.ssh.watchdog import Watch


def test_a_machine_without_a_free_thread_loses_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Event(), Event()

    class Refused(Thread):
        def start(self) -> None:
            if self.name == "watch":
                raise RuntimeError("can't start new thread")
            super().start()

    def fails() -> None:
        first.set()
        raise OSError("closed already")

    monkeypatch.setattr(watchdog, "Thread", Refused)
    watches: list[Any] = [Watch(0, fails), Watch(0.01, second.set)]
    assert first.wait(10)
    assert second.wait(10)
    assert all(watch.is_late for watch in watches)


def test_a_watch_that_was_stopped_does_nothing() -> None:
    called, other = Event(), Event()
    stopped = Watch(0.05, called.set)
    stopped.stop()
    Watch(0.1, other.set)
    assert other.wait(10)
    assert not called.is_set()
    assert not stopped.is_late
