"""Rows of several threads go in one commit, in the order in which they were put."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, cast

from sqlalchemy import select

from reconciler.journal.run_recorder import Row, WriteQueue
from reconciler.journal.store import Store


class SlowStore:
    """A store whose first commit takes until `go`."""

    def __init__(self) -> None:
        self.begun, self.go = Event(), Event()
        self.commits: list[list[int]] = []

    def write(self, work: Any) -> Any:
        connection = Recorded()
        ours = work(connection)
        self.commits.append(connection.numbers)
        self.begun.set()
        assert self.go.wait(30)
        return ours


class Recorded:
    def __init__(self) -> None:
        self.numbers: list[int] = []

    def execute(self, statement: object, rows: list[dict[str, int]]) -> None:
        self.numbers += [row["number"] for row in rows]


def test_what_comes_together_while_another_commits_goes_in_one_commit() -> None:
    store = SlowStore()
    queue = WriteQueue(cast(Store, store))
    statement = select()

    with ThreadPoolExecutor(8) as pool:
        queue.put(Row(statement, {"number": 0}))
        first = pool.submit(queue.flush)
        assert store.begun.wait(30)
        for number in range(1, 8):
            queue.put(Row(statement, {"number": number}))
        others = [pool.submit(queue.flush) for _ in range(7)]
        store.go.set()
        for future in (first, *others):
            future.result()
    assert store.commits == [[0], [1, 2, 3, 4, 5, 6, 7]]
