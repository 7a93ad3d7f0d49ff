"""Work in the background ends with the server, whenever it began."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from reconciler.lab.server import work
from reconciler.lab.server.work import Background


def test_what_begins_at_the_end_is_awaited_too() -> None:
    background, done = Background(), Event()

    def last() -> None:
        background.stopping.wait()
        background.spawn(done.set)

    background.spawn(last)
    background.stop()
    assert done.is_set()
    assert background.bugs == []


def test_a_stop_meets_only_threads_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    background, beginning, stopped = Background(), Event(), Event()

    class Slow(Thread):
        def start(self) -> None:
            beginning.set()
            stopped.wait(0.2)  # if `stop` waits for the start, it cannot be over before
            super().start()

    monkeypatch.setattr(work, "Thread", Slow)
    starter = Thread(target=background.spawn, args=(lambda: None,))
    starter.start()
    beginning.wait()
    background.stop()
    stopped.set()
    starter.join()
    assert background.bugs == []
