"""What the reconciler remembers between runs: what was applied, who did what, and who is at work right now.

The live world is never taken from here. The database library is loaded with the first of the heavy names, so that
commands which need only the errors start without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.journal.errors import JournalError, LeaseLost, LockHeld, NotInJournal
from reconciler.journal.records import ChangeRecord, ChangeState, EventRecord, Holder, RunRecord, RunState, StepRecord
from reconciler.journal.who import Who, who_am_i

if TYPE_CHECKING:
    from reconciler.journal.lock import HeldLock, Locks
    from reconciler.journal.memory import Memory
    from reconciler.journal.run import Run
    from reconciler.journal.runs import Journal
else:
    _LATER = {"HeldLock": "lock", "Locks": "lock", "Memory": "memory", "Run": "run", "Journal": "runs"}

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "ChangeRecord",
    "ChangeState",
    "EventRecord",
    "HeldLock",
    "Holder",
    "Journal",
    "JournalError",
    "LeaseLost",
    "LockHeld",
    "Locks",
    "Memory",
    "NotInJournal",
    "Run",
    "RunRecord",
    "RunState",
    "StepRecord",
    "Who",
    "who_am_i",
]
