"""Calls that several changes make at the same time, combined into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Any

Item = Mapping[str, Any]
Work = Callable[[Sequence[Item]], Sequence[Mapping[str, Any]]]
"""Does the work for all items; returns a result for each, in their order."""


class Batcher:
    """`call` collects the items of one key for `seconds` after the first, and does the work once for all of them.

    How many come together changes the number of calls and nothing else.
    """

    def __init__(self, sleep: Callable[[float], None], *, seconds: float = 0.5) -> None:
        self._sleep = sleep
        self._seconds = seconds
        self._lock = Lock()
        self._waiting: dict[str, list[tuple[Item, Future[Mapping[str, Any]]]]] = {}

    def call(self, key: str, item: Item, work: Work) -> Mapping[str, Any]:
        """The result for `item`. The first caller does the work for the others; all raise what `work` raises."""
        future: Future[Mapping[str, Any]] = Future()
        with self._lock:
            group = self._waiting.setdefault(key, [])
            group.append((item, future))
            first = len(group) == 1
        if first:
            self._sleep(self._seconds)
            with self._lock:
                group = self._waiting.pop(key)
            _work(group, work)
        return future.result()


def _work(group: list[tuple[Item, Future[Mapping[str, Any]]]], work: Work) -> None:
    try:
        results = list(zip(group, work([item for item, _ in group]), strict=True))
    except BaseException as error:  # the others wait for a result of any kind
        for _, future in group:
            future.set_exception(error)
        raise
    for (_, future), result in results:
        future.set_result(result)
