"""What an operation waits for, so that a display can say it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Self

_NAMED: Final = 20
"""Names that a display gets at most."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`what` is done now, and `pending` and `unnamed` more of `total` have not answered yet, in order. Without `what`
    nothing is waited for any more."""

    what: str
    pending: tuple[str, ...] = ()
    total: int = 0
    unnamed: int = 0


Listener = Callable[[Waiting], None]
"""Is called from several threads."""


class Awaited:
    """While entered, reports to `listen` what has not answered yet: at first, and after each answer."""

    def __init__(self, what: str, names: Iterable[str], listen: Listener) -> None:
        self._what = what
        self._later = deque(dict.fromkeys(names))
        self._pending = set(self._later)
        self._total = len(self._later)
        self._named: list[str] = []
        self._listen = listen
        self._is_over = False
        self._lock = Lock()

    def __enter__(self) -> Self:
        with self._lock:
            self._tell()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:  # what is abandoned may answer later
            self._is_over = True

    def watch(self, name: str, future: Future[Any]) -> None:
        """`name` has answered as soon as `future` is done."""
        future.add_done_callback(lambda _: self.answered(name))

    def answered(self, name: str) -> None:
        with self._lock:
            self._pending.discard(name)
            if name in self._named:
                self._named.remove(name)
            if not self._is_over:
                self._tell()

    def _tell(self) -> None:
        """Names are for people: all of them, after each of thousands of answers, would take longer than the answers."""
        while self._later and len(self._named) < _NAMED:
            name = self._later.popleft()
            if name in self._pending:
                self._named.append(name)
        unnamed = len(self._pending) - len(self._named)
        self._listen(Waiting(self._what, tuple(self._named), self._total, unnamed))


def reading(server: str, hosts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """For `Awaited`: what is done when a server and its hosts are read, and whose answers are awaited."""
    counted = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
    return (f"Reading {server} and {counted}", ("the server", *hosts)) if hosts else (f"Reading {server}", ())
