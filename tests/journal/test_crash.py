"""SIGKILL while it writes: what was said to be on disk is on disk, and the rest is known to be unknown."""

from __future__ import annotations

import sqlite3
from itertools import islice
from pathlib import Path

import pytest

from reconciler.journal import Journal
from tests.journal.processes import contender, lines
from tests.journal.samples import WHO, done


@pytest.mark.parametrize("said", [1, 40])
def test_what_was_said_to_be_written_is_written(place: str, said: int) -> None:
    with contender("write", place) as writer:
        run, *acknowledged = list(islice(lines(writer), said + 1))
        writer.kill()
        acknowledged += list(lines(writer))
    with Journal.open(place) as journal:
        answer = journal.run(run)
        begun = {change.key for change in answer.changes if change.steps}
        finished = {
            change.key for change in answer.changes if change.steps and all(step.ended for step in change.steps)
        }
        assert {line.removeprefix("began ") for line in acknowledged if line.startswith("began")} <= begun
        assert {line.removeprefix("done ") for line in acknowledged if line.startswith("done")} <= finished
        assert len(begun - finished) <= 1, "at most the one step that was in flight is in doubt"
        done(journal.begin(journal.plan(run), WHO, resumes=run), "px-0")


def test_a_commit_that_was_cut_off_is_undone_by_the_next_one(tmp_path: Path) -> None:
    """A rollback journal that was left behind holds what the pages were before."""
    file = tmp_path / "journal.db"
    with contender("write", str(file)) as writer:
        assert len(list(islice(lines(writer), 20))) == 20
    with Journal.open(file) as journal:
        assert len(journal.runs()) == 1
    check = sqlite3.connect(file)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []
    check.close()
