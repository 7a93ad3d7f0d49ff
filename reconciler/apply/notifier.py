"""Passes the events of an apply to those who listen, none of whom can break it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from types import TracebackType

from reconciler.model.event import Event, Listener


class Notifier:
    """Calls listeners from any thread. A listener that raises is dropped; `errors` has what each of those raised."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.errors: list[Exception] = []
        self._listeners = tuple(listeners)
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        for listener in self._listeners:
            with _DropOnError(self, listener):
                listener(event)

    def drop(self, listener: Listener, error: Exception) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners = tuple(other for other in self._listeners if other != listener)
                self.errors.append(error)


class _DropOnError:
    def __init__(self, notifier: Notifier, listener: Listener) -> None:
        self._notifier = notifier
        self._listener = listener

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._notifier.drop(self._listener, error)
        return True
