"""Everything that is true of the journal is tested on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.journal import Journal
from tests.journal import cluster as postgres
from tests.journal.samples import Ticking, counted


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    reason = postgres.why_not()
    if reason:
        pytest.skip(reason)
    with postgres.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new journal can be made: a path, or a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "journal.db")
    server: postgres.Cluster = request.getfixturevalue("cluster")
    return server.url()


@pytest.fixture
def opened(place: str) -> Iterator[Callable[[], Journal]]:
    """Opens the same journal again and again, as other processes would."""
    journals: list[Journal] = []
    clock = Ticking()

    def another() -> Journal:
        ids = counted(f"{'ABCDEFGH'[len(journals)]}")
        journals.append(Journal.open(place, clock=clock, ids=ids))
        return journals[-1]

    yield another
    for journal in journals:
        journal.close()


@pytest.fixture
def journal(opened: Callable[[], Journal]) -> Journal:
    return opened()
