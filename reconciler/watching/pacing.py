"""How often an automatic change is tried: one that fails waits longer each time, one that does not last is given up.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from reconciler.journal import Attempt, ChangeState
from reconciler.model.finding import Finding, FindingKind
from reconciler.model.plan import Change

LOOK_BACK: Final = timedelta(days=7)
"""Attempts that are older do not count."""
_DAY: Final = timedelta(hours=24)
_PAUSES: Final = (timedelta(minutes=10), timedelta(hours=1), _DAY)
"""After the first, the second, and each later failure in a row."""
_REPEATS: Final = 3
"""How often a change is made within a day, however often something changes it back."""
_KILLS: Final = 2
"""How many attempts in a row that were killed are repeated at once: the next one clears up."""
FAILED: Final = "auto-failed"
REVERTED: Final = "auto-reverted"


def pace(changes: Iterable[Change], attempts: Sequence[Attempt], now: datetime) -> tuple[set[str], list[Finding]]:
    """The keys of changes that are not made now, and what is to be notified of. `attempts` are the newest first."""
    held, found = set[str](), list[Finding]()
    for change in changes:
        mine = [item for item in attempts if item.key == change.key]
        failures = list(takewhile(lambda item: item.state is not ChangeState.DONE, mine))
        recent = sum(item.state is ChangeState.DONE and now - item.started < _DAY for item in mine)
        if failures and now < _due(failures):
            held.add(change.key)
        if len(failures) >= len(_PAUSES):
            found.append(_failed(change, failures))
        if recent >= _REPEATS:
            held.add(change.key)
            found.append(_reverted(change, recent))
    return held, found


def _due(failures: Sequence[Attempt]) -> datetime:
    killed = all(item.state is ChangeState.IN_FLIGHT for item in failures)
    if killed and len(failures) <= _KILLS:
        return failures[0].started
    return failures[0].started + _PAUSES[min(len(failures), len(_PAUSES)) - 1]


def _failed(change: Change, failures: Sequence[Attempt]) -> Finding:
    why = failures[0].detail or "it did not end"
    text = f"the automatic {change.action} failed {len(failures)} times: {why}. It is tried again once a day"
    return _warning(change, FAILED, text)


def _reverted(change: Change, times: int) -> Finding:
    text = f"the automatic {change.action} was made {times} times within 24 hours: something changes it back"
    return _warning(change, REVERTED, text)


def _warning(change: Change, subject: str, text: str) -> Finding:
    return Finding(FindingKind.WARNING, change.address, f"{subject}-{change.action}", "high", text)
