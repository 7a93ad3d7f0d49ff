"""Migrations of the tables. A released migration is never edited: add one at the end.

Each is a function of a connection; its position in `MIGRATIONS` is its version. They use the SQL that SQLite and
PostgreSQL have in common, and not `tables`, which is always the latest version.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, inspect, text

from reconciler.journal.errors import JournalError

Migration = Callable[[Connection], None]

_GATE = 0x76626F7265636F6E
"""Advisory lock of PostgreSQL for migrations: of several processes that open a new database one makes the tables."""


_APPLIED = """
CREATE TABLE applied (scope TEXT NOT NULL, address TEXT NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (scope, address))
"""

_RUNS_AND_LOCKS = """
CREATE TABLE keys (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL,
    started TIMESTAMP WITH TIME ZONE NOT NULL, ended TIMESTAMP WITH TIME ZONE,
    username TEXT NOT NULL, host TEXT NOT NULL, actor TEXT NOT NULL, job TEXT NOT NULL, git_commit TEXT NOT NULL,
    inventory TEXT NOT NULL, inventory_digest TEXT NOT NULL, plan_digest TEXT NOT NULL,
    server TEXT NOT NULL, lab BOOLEAN NOT NULL, resumes TEXT NOT NULL, lock_id TEXT NOT NULL, plan TEXT NOT NULL
);

CREATE INDEX runs_by_start ON runs (started);

CREATE TABLE changes (
    run TEXT NOT NULL REFERENCES runs (id), number INTEGER NOT NULL,
    key TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL,
    started TIMESTAMP WITH TIME ZONE, ended TIMESTAMP WITH TIME ZONE, seconds DOUBLE PRECISION NOT NULL,
    detail TEXT NOT NULL, hint TEXT NOT NULL, log TEXT NOT NULL,
    PRIMARY KEY (run, number)
);

CREATE TABLE steps (
    run TEXT NOT NULL, change INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL,
    started TIMESTAMP WITH TIME ZONE NOT NULL, ended TIMESTAMP WITH TIME ZONE, seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run, change, number),
    FOREIGN KEY (run, change) REFERENCES changes (run, number)
);

CREATE TABLE events (
    run TEXT NOT NULL REFERENCES runs (id), number INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (run, number)
);

CREATE TABLE locks (
    name TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL, operation TEXT NOT NULL, run TEXT NOT NULL, created TIMESTAMP WITH TIME ZONE NOT NULL,
    renewed TIMESTAMP WITH TIME ZONE NOT NULL, expires TIMESTAMP WITH TIME ZONE NOT NULL
)
"""


def _remember_what_was_applied(connection: Connection) -> None:
    _execute(connection, _APPLIED)


def _record_runs_and_locks(connection: Connection) -> None:
    _execute(connection, _RUNS_AND_LOCKS)


def _record_operations(connection: Connection) -> None:
    _execute(connection, "ALTER TABLE runs ADD COLUMN operation TEXT NOT NULL DEFAULT 'apply'")


_LOCKS_BY_KEY = """
DROP TABLE locks;

CREATE TABLE locks (
    key TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL, operation TEXT NOT NULL, run TEXT NOT NULL, created TIMESTAMP WITH TIME ZONE NOT NULL,
    renewed TIMESTAMP WITH TIME ZONE NOT NULL, expires TIMESTAMP WITH TIME ZONE NOT NULL
)
"""


def _lock_by_key(connection: Connection) -> None:
    """A run that holds a lock of the earlier version loses it, and stops before its next step."""
    _execute(connection, _LOCKS_BY_KEY)


def _drop_events(connection: Connection) -> None:
    """No command reads them: steps and changes have their times, texts and results."""
    _execute(connection, "DROP TABLE events")


def _remember_identities(connection: Connection) -> None:
    """Which object of the server an address stands for. Rows come with the next apply."""
    _execute(
        connection,
        "CREATE TABLE identities (scope TEXT NOT NULL, address TEXT NOT NULL, object_id TEXT NOT NULL,"
        " ours BOOLEAN NOT NULL, PRIMARY KEY (scope, address))",
    )


def _keep_first_reads(connection: Connection) -> None:
    """Objects as a run read them before requests that are not verified yet."""
    _execute(
        connection,
        "CREATE TABLE first_reads (run TEXT NOT NULL REFERENCES runs (id), key TEXT NOT NULL, step TEXT NOT NULL,"
        " content TEXT NOT NULL, PRIMARY KEY (run, key))",
    )


def _name_processes(connection: Connection) -> None:
    """Which process holds a lock: if it is gone, the lock is taken over at once."""
    _execute(connection, "ALTER TABLE locks ADD COLUMN process TEXT NOT NULL DEFAULT ''")


_FINDINGS = """
CREATE TABLE findings (
    server TEXT NOT NULL, key TEXT NOT NULL,
    kind TEXT NOT NULL, address TEXT NOT NULL, subject TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL,
    accepted BOOLEAN NOT NULL, state TEXT NOT NULL, incident TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL, observation TEXT NOT NULL, present BOOLEAN NOT NULL,
    changed TIMESTAMP WITH TIME ZONE NOT NULL, openings TEXT NOT NULL, announced BOOLEAN NOT NULL,
    PRIMARY KEY (server, key)
);

CREATE TABLE observations (
    id TEXT NOT NULL PRIMARY KEY, server TEXT NOT NULL,
    started TIMESTAMP WITH TIME ZONE NOT NULL, seconds DOUBLE PRECISION NOT NULL,
    error TEXT NOT NULL, found INTEGER NOT NULL
);

CREATE INDEX observations_by_start ON observations (server, started);

CREATE TABLE notices (
    id TEXT NOT NULL PRIMARY KEY, server TEXT NOT NULL, channel TEXT NOT NULL, message TEXT NOT NULL,
    created TIMESTAMP WITH TIME ZONE NOT NULL, due TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER NOT NULL, error TEXT NOT NULL, sent TIMESTAMP WITH TIME ZONE
);

CREATE INDEX notices_by_server ON notices (server, created)
"""


def _track_findings(connection: Connection) -> None:
    """What `watch` finds, when it observed, and what it notifies of."""
    _execute(connection, _FINDINGS)


def _execute(connection: Connection, script: str) -> None:
    for statement in script.split(";"):
        connection.execute(text(statement))


MIGRATIONS: tuple[Migration, ...] = (
    _remember_what_was_applied,
    _record_runs_and_locks,
    _record_operations,
    _lock_by_key,
    _drop_events,
    _remember_identities,
    _keep_first_reads,
    _name_processes,
    _track_findings,
)


def version_of(connection: Connection) -> int:
    """0 for an empty database. The first version had no table `journal_schema`."""
    known = inspect(connection)
    if known.has_table("journal_schema"):
        return int(connection.execute(text("SELECT version FROM journal_schema")).scalar_one())
    return 1 if known.has_table("applied") else 0


def check(version: int, label: str) -> bool:
    """Whether the tables have the latest version. Raises JournalError if a newer program made them."""
    if version > len(MIGRATIONS):
        raise JournalError(
            f"The journal in {label} was written by a newer vbo-reconcile: its tables are version {version},"
            f" this one knows {len(MIGRATIONS)}",
            code="journal-newer",
            hint="Upgrade vbo-reconcile here, or keep another journal for this version.",
        )
    return version == len(MIGRATIONS)


def migrate(connection: Connection, label: str) -> None:
    """Bring the tables to the latest version, in one transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:gate)"), {"gate": _GATE})
    version = version_of(connection)  # again, under the lock
    if check(version, label):
        return
    for step in MIGRATIONS[version:]:
        step(connection)
    if version < 2:
        connection.execute(text("CREATE TABLE journal_schema (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO journal_schema (version) VALUES (0)"))
    connection.execute(text("UPDATE journal_schema SET version = :version"), {"version": len(MIGRATIONS)})
