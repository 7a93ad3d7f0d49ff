"""The errors of the journal.

ReconcileError
└── JournalError         the journal cannot be opened, read or written
    ├── LockHeld         somebody else is at work; exit code 6
    ├── LeaseLost        the lock is no longer ours: nothing more may be done
    └── NotInJournal     no such run, or no such lock

Every exception of the database and of the file system is mapped to one of these (see `faults`).
"""

from __future__ import annotations

from reconciler.journal.records import Holder
from reconciler.model.errors import ReconcileError


class JournalError(ReconcileError):
    """The journal cannot be used. `code` is a stable word (`journal-full`, `journal-locked`, …), `hint` the mend.

    Messages name the file, or the server and database, and never a password.
    """

    def __init__(self, message: str, *, code: str = "journal-failed", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class LockHeld(JournalError):
    """The lock was not free within the time allowed. `holder` says whose it is."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(
            f"{holder.name} is locked by {holder.describe()}",
            code="lock-held",
            hint="Wait for it with --lock-wait SECONDS. A run that was killed gives it back when its lease ends, in "
            f"{max(0.0, holder.remaining):.0f} s. If it is certainly dead:\n  vbo-reconcile lock break {holder.id}",
        )
        self.holder = holder


class LeaseLost(JournalError):
    """The lock was broken, or its lease ran out and somebody else took it, or it could not be renewed in time."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The lock of {name} is lost: {reason}",
            code="lease-lost",
            hint="Nothing more was started. See who has it, then apply again:\n  vbo-reconcile lock list",
        )


class NotInJournal(JournalError):
    """A run or a lock that the journal does not know."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, code="not-in-journal", hint=hint)
