"""Waits of the main thread notice a signal that does not wake it: one that another thread of the process receives."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

import pytest

from reconciler import waits


class Noticed(Exception):
    """Raised by the handler of the signal."""


def _raise(*_: object) -> None:
    raise Noticed


@pytest.fixture
def strayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Another thread receives a signal once the event is set, and goes on for as long as the test does."""
    monkeypatch.setattr(waits, "TURN", 0.05)
    waiting, over = threading.Event(), threading.Event()

    def receive() -> None:
        waiting.wait(30)
        over.wait(0.02)  # by then the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)
        over.wait(30)

    before = signal.signal(signal.SIGUSR2, _raise)
    thread = threading.Thread(target=receive)
    thread.start()
    try:
        yield waiting
    finally:
        waiting.set()
        over.set()
        thread.join()
        signal.signal(signal.SIGUSR2, before)


def _until() -> None:
    changed = threading.Condition()
    with changed:
        waits.until(changed, lambda: False)


def _ended() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, args=(30,))
    thread.start()
    try:
        waits.ended(thread)
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(lambda: waits.result(Future[None]()), id="result"),
        pytest.param(lambda: list(waits.completed([Future[None]()])), id="completed"),
        pytest.param(lambda: waits.taken(SimpleQueue[None]()), id="taken"),
        pytest.param(_until, id="until"),
        pytest.param(_ended, id="ended"),
    ],
)
def test_a_signal_that_does_not_wake_the_main_thread_ends_its_wait(
    strayed: threading.Event, endless: Callable[[], object]
) -> None:
    def wait() -> None:
        strayed.set()
        endless()

    with pytest.raises(Noticed):
        wait()


def test_results_and_errors_are_those_of_the_future() -> None:
    done, failed = Future[int](), Future[int]()
    done.set_result(7)
    failed.set_exception(ValueError("no"))
    assert waits.result(done) == 7
    with pytest.raises(ValueError, match="no"):
        waits.result(failed)


def test_futures_come_in_the_order_in_which_they_end() -> None:
    first, second = Future[str](), Future[str]()
    second.set_result("second")
    coming = waits.completed([first, second])
    assert next(coming) is second
    first.set_result("first")
    assert list(coming) == [first]
