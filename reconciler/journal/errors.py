"""The errors of the journal.

ReconcileError
└── JournalError         the journal cannot be opened, read or written
    ├── LockHeld         another run holds the lock; exit code 6
    ├── LeaseLost        the lock is lost: no further step may be done
    └── NotInJournal     no such run, or no such lock

Every exception of the database and of the file system is mapped to one of these (see `error_mapping`).
"""

from __future__ import annotations

from reconciler.journal.records import Holder
from reconciler.model.errors import ReconcileError


class JournalError(ReconcileError):
    """The journal cannot be used. `code` is stable (`journal-full`, `journal-locked`, …), `hint` says how to fix it.

    Messages name the file, or the server and database, and never a password.
    """

    def __init__(self, message: str, *, code: str = "journal-failed", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class LockHeld(JournalError):
    """The lock was not free within the time allowed."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(
            f"{holder.name} is locked by {holder.describe()}",
            code="lock-held",
            hint="Wait for it with --lock-wait SECONDS. The lock of a killed run expires in "
            f"{max(0.0, holder.remaining):.0f} s. If that process has certainly ended:\n"
            f"  vbo-reconcile lock break {holder.id}",
        )
        self.holder = holder


class LeaseLost(JournalError):
    """The lock was broken, or its lease expired and another run took it over, or it could not be renewed in time:
    then `cause` is the code of the error."""

    def __init__(self, name: str, reason: str, cause: str = "") -> None:
        super().__init__(
            f"The lock of {name} is lost: {reason}",
            code="lease-lost",
            hint="Nothing else was started. See which run holds the lock, then apply again:\n  vbo-reconcile lock list",
        )
        self.cause = cause


class NotInJournal(JournalError):
    """The journal has no such run or lock."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, code="not-in-journal", hint=hint)
