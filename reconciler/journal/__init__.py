"""The journal: what was applied, every run with its changes and steps, and who holds the lock.

It is never a source of live state. The database library is loaded with the first name that needs it, so that commands
which need only the errors start without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.journal.errors import JournalError, LeaseLost, LockHeld, NotInJournal
from reconciler.journal.records import ChangeRecord, ChangeState, FirstRead, Holder, RunRecord, RunState, StepRecord
from reconciler.journal.who import Who, who_am_i

if TYPE_CHECKING:
    from reconciler.journal.applied_state import AppliedState
    from reconciler.journal.attempts import Attempt, Attempts
    from reconciler.journal.findings import FindingStore, ObservationRecord
    from reconciler.journal.journal import Journal
    from reconciler.journal.lock import HeldLock, Locks
    from reconciler.journal.outbox import Notice, Outbox
    from reconciler.journal.run_recorder import RunRecorder
else:
    _LATER = {
        "HeldLock": "lock",
        "Locks": "lock",
        "AppliedState": "applied_state",
        "Attempt": "attempts",
        "Attempts": "attempts",
        "FindingStore": "findings",
        "ObservationRecord": "findings",
        "Notice": "outbox",
        "Outbox": "outbox",
        "RunRecorder": "run_recorder",
        "Journal": "journal",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "AppliedState",
    "Attempt",
    "Attempts",
    "ChangeRecord",
    "ChangeState",
    "FindingStore",
    "FirstRead",
    "HeldLock",
    "Holder",
    "Journal",
    "JournalError",
    "LeaseLost",
    "LockHeld",
    "Locks",
    "NotInJournal",
    "Notice",
    "ObservationRecord",
    "Outbox",
    "RunRecord",
    "RunRecorder",
    "RunState",
    "StepRecord",
    "Who",
    "who_am_i",
]
