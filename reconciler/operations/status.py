"""How an operation ended. The command line exits with these numbers: they are a contract with scripts and CI."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from reconciler.model.diagnostic import Diagnosed

if TYPE_CHECKING:
    from reconciler.journal import JournalError
    from reconciler.model.plan import Plan


class Status(IntEnum):
    OK = 0
    """Done, or nothing to do."""
    ERROR = 1
    PENDING = 2
    """Changes are pending."""
    PARTIAL = 3
    """Applied in part."""
    REFUSED = 4
    """Refused by a guard, or not approved."""
    STALE = 5
    """The live state changed after approval."""
    LOCKED = 6
    """Another run holds the lock of the management server."""
    INTERRUPTED = 130


def plan_status(plan: Plan) -> Status:
    """An error first, then a refusal, then pending changes."""
    if plan.has_errors:
        return Status.ERROR
    if plan.is_refused:
        return Status.REFUSED
    return Status.OK if plan.is_empty else Status.PENDING


def journal_status(error: JournalError) -> Status:
    from reconciler.journal import LeaseLost, LockHeld

    return Status.LOCKED if isinstance(error, LockHeld | LeaseLost) else Status.ERROR


_OF_DIAGNOSTICS: Final = {"plan-expired": Status.STALE, "plan-inventory": Status.STALE}
"""Codes of diagnostics with a status other than ERROR."""


def error_status(error: BaseException) -> Status:
    """The status of an operation that raised `error`."""
    from reconciler.journal import JournalError

    match error:
        case Diagnosed():
            return max(_OF_DIAGNOSTICS.get(item.code, Status.ERROR) for item in error.diagnostics)
        case JournalError():
            return journal_status(error)
        case KeyboardInterrupt():
            return Status.INTERRUPTED
        case _:
            return Status.ERROR
