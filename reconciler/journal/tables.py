"""The tables in their latest version, for queries. `migrations` makes them, and a test compares both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine


class Instant(TypeDecorator[datetime]):
    """A time in UTC: `timestamp with time zone` in PostgreSQL, ISO 8601 text of fixed width in SQLite, which sorts as
    time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return moment.astimezone(UTC)


metadata = MetaData()

applied = Table(
    "applied",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("fields", Text, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("object_id", Text, nullable=False),
    Column("ours", Boolean, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("started", Instant, nullable=False),
    Column("ended", Instant),
    Column("username", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("git_commit", Text, nullable=False),
    Column("inventory", Text, nullable=False),
    Column("inventory_digest", Text, nullable=False),
    Column("plan_digest", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("lab", Boolean, nullable=False),
    Column("resumes", Text, nullable=False),
    Column("lock_id", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("operation", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started", Instant),
    Column("ended", Instant),
    Column("seconds", Double, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("log", Text, nullable=False),
)

steps = Table(
    "steps",
    metadata,
    Column("run", Text, primary_key=True),
    Column("change", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("started", Instant, nullable=False),
    Column("ended", Instant),
    Column("seconds", Double, nullable=False),
    ForeignKeyConstraint(["run", "change"], ["changes.run", "changes.number"]),
)

first_reads = Table(
    "first_reads",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("step", Text, nullable=False),
    Column("content", Text, nullable=False),
)

locks = Table(
    "locks",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("renewed", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("process", Text, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("server", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("observation", Text, nullable=False),
    Column("present", Boolean, nullable=False),
    Column("changed", Instant, nullable=False),
    Column("openings", Text, nullable=False),
    Column("announced", Boolean, nullable=False),
)

observations = Table(
    "observations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("server", Text, nullable=False),
    Column("started", Instant, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("error", Text, nullable=False),
    Column("found", Integer, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("server", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("due", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("sent", Instant),
)
