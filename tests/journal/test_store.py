"""The store: who may read it, how it grows from older versions, and that it refuses newer ones."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from reconciler.journal import Journal, JournalError
from reconciler.journal import migrations as steps
from reconciler.journal.location import find_location
from reconciler.journal.store import Store
from reconciler.journal.tables import metadata
from tests.journal.samples import WHO, done, plan

VERSION_1 = """
CREATE TABLE applied (
    scope VARCHAR(300) NOT NULL, address VARCHAR(300) NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (scope, address)
);
INSERT INTO applied VALUES ('i1/corp', 'smtp', '{"port": "digest", "credentials": "fingerprint"}');
"""


RUN_OF_VERSION_2 = """
INSERT INTO runs VALUES (
    'R01', 'done', '2026-10-01T09:00:00+00:00', NULL, 'alice', 'ci-7', '', '', '', 'corp', '', '', 'vbo01', false, '',
    '', '{}'
)
"""


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


@pytest.fixture
def loose() -> object:
    """A umask that would let everybody read everything."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose")
def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "journal.db"
    with Journal.open(file) as journal:
        done(journal.begin(plan("a"), WHO), "a")
        journal.applied_state.fingerprint("hunter2")
        assert {path.name: mode(path) for path in file.parent.iterdir()} == {
            "journal.db": "600",
            "journal.db-journal": "600",
            "journal.key": "600",
        }
    assert mode(file.parent) == "700"


@pytest.mark.usefixtures("loose")
def test_a_file_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "vbo-reconcile"
    folder.mkdir(mode=0o755)
    file = folder / "journal.db"
    file.touch(mode=0o644)
    Journal.open(file).close()
    assert mode(file) == "600"
    assert mode(folder) == "755", "a folder that was given may hold other things"
    Store.open(find_location(environ={"XDG_STATE_HOME": str(tmp_path)})).close()
    assert mode(folder) == "700"


def test_a_name_with_marks_of_a_url_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "what?mode=ro#50%25.db"
    Journal.open(file).close()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db"] == [file.name]


def test_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db") as journal:
        names = ("synchronous", "journal_mode", "foreign_keys")
        pragmas = journal.store.read(
            lambda connection: {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in names}
        )
    assert pragmas == {"synchronous": 2, "journal_mode": "truncate", "foreign_keys": 1}


def test_a_writer_keeps_others_out_from_its_beginning(tmp_path: Path) -> None:
    """Who reads first and writes then must find what it read."""
    place = find_location(tmp_path / "journal.db")
    one, two = Store.open(place, busy=0.05), Store.open(place, busy=0.05)
    with pytest.raises(JournalError) as caught:
        one.write(lambda _: two.write(lambda connection: connection.execute(text("DELETE FROM locks"))))
    one.close()
    two.close()
    assert caught.value.code == "journal-locked"


def test_parameters_are_in_no_error(journal: Journal) -> None:
    with pytest.raises(JournalError) as caught:
        journal.store.write(lambda connection: connection.execute(text("INSERT INTO no VALUES (:x)"), {"x": "hunter2"}))
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


def test_migrations_make_the_tables_that_queries_expect(journal: Journal) -> None:
    known = journal.store.read(
        lambda connection: {
            table: (
                {column["name"]: column["nullable"] for column in inspect(connection).get_columns(table)},
                inspect(connection).get_pk_constraint(table)["constrained_columns"],
            )
            for table in inspect(connection).get_table_names()
            if table != "journal_schema"
        }
    )
    assert known == {
        table.name: (
            {column.name: bool(column.nullable) for column in table.columns},
            [column.name for column in table.primary_key],
        )
        for table in metadata.tables.values()
    }


def test_version_1_becomes_the_latest_and_keeps_what_it_has(tmp_path: Path) -> None:
    file, key = tmp_path / "memory.db", bytes(range(32))
    with sqlite3.connect(file) as old:
        old.executescript(VERSION_1)
    old.close()
    file.with_suffix(".key").write_bytes(key)
    with Journal.open(file) as journal:
        assert journal.applied_state.recall("i1/corp") == {"smtp": {"port": "digest", "credentials": "fingerprint"}}
        assert journal.applied_state.fingerprint("hunter2").startswith("8629d712")
    with Journal.open(file) as journal:
        done(run := journal.begin(plan("a"), WHO), "a")
        assert [record.id for record in journal.runs()] == [run.id]
        assert journal.applied_state.recall("i1/corp")["smtp"]["port"] == "digest"


def test_runs_of_version_2_were_applies(opened: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(steps, "MIGRATIONS", steps.MIGRATIONS[:2])
        old = opened().store
    old.write(lambda connection: connection.execute(text(RUN_OF_VERSION_2)))
    journal = opened()
    journal.begin(plan("a"), WHO, operation="jobs run")
    assert sorted(record.operation for record in journal.runs()) == ["apply", "jobs run"]
    assert [record.id for record in journal.runs(operation="apply")] == ["R01"]


def test_version_4_loses_its_events_and_keeps_its_runs(
    opened: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(steps, "MIGRATIONS", steps.MIGRATIONS[:4])
        old = opened()
    done(run := old.begin(plan("a"), WHO), "a")
    event = "INSERT INTO events VALUES (:run, 1, '2026-01-01 00:00:00+00:00', 'batch', '', '{}')"
    old.store.write(lambda connection: connection.execute(text(event), {"run": run.id}))
    [change] = opened().run(run.id).changes
    assert (change.state.value, [step.text for step in change.steps]) == ("done", ["step 0"])
    assert not old.store.read(lambda connection: inspect(connection).has_table("events"))


def test_a_journal_of_a_newer_version_is_left_alone(opened: Callable[[], Journal]) -> None:
    journal = opened()
    journal.store.write(lambda connection: connection.execute(text("UPDATE journal_schema SET version = 99")))
    with pytest.raises(JournalError, match="newer vbo-reconcile: its tables are version 99, this one knows 9") as error:
        opened()
    assert error.value.code == "journal-newer"
    assert "Upgrade" in error.value.hint


def test_a_migration_that_fails_leaves_everything_as_it_was(
    opened: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened().begin(plan("a"), WHO)

    def half(connection: Connection) -> None:
        steps._execute(connection, "CREATE TABLE more (id TEXT); INSERT INTO missing VALUES (1)")

    with monkeypatch.context() as later:
        later.setattr(steps, "MIGRATIONS", (*steps.MIGRATIONS, half))
        with pytest.raises(JournalError, match="The journal cannot be opened"):
            opened()
    journal = opened()
    assert [record.id for record in journal.runs()] == [run.id]
    assert not journal.store.read(lambda connection: inspect(connection).has_table("more"))


def test_many_can_open_a_new_one_at_once(place: str) -> None:
    def use(number: int) -> str:
        with Journal.open(place) as journal:
            journal.applied_state.remember("i1/corp", {f"proxy.px-{number}": {"port": "digest"}})
            return journal.applied_state.fingerprint("hunter2")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(use, range(8)))) == 1
    with Journal.open(place) as journal:
        assert len(journal.applied_state.recall("i1/corp")) == 8


def test_the_errors_are_known_without_loading_the_database_library() -> None:
    code = "import sys, reconciler.journal as j; j.JournalError, j.who_am_i(); sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_a_name_that_the_journal_does_not_have_is_an_error() -> None:
    import reconciler.journal

    with pytest.raises(AttributeError, match="no attribute 'Diary'"):
        attrgetter("Diary")(reconciler.journal)
