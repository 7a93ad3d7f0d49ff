"""Maintenance mode of proxies: which changes clear it, and which proxies an interrupted apply left in it."""

from __future__ import annotations

from reconciler.model.plan import Change
from reconciler.model.recall import Recall

DRAINED = "(drain)"
"""Remembered with a proxy from before maintenance mode is set until it is cleared: what an interrupted apply leaves is
cleared by the next one, and what users set is not."""

UPGRADING = "for an upgrade"
"""What is remembered then where the drain begins an upgrade: in maintenance mode a proxy may not show its version."""

MARK, MAINTENANCE = "drain", "maintenance"


def mark_of(proxy: str) -> str:
    """The address that the mark is remembered at: apart from the fields of the proxy, which are written as a whole."""
    return f"{MARK}.{proxy}"


def is_ours(recall: Recall, proxy: str) -> bool:
    """Whether an apply of this inventory set maintenance mode and did not clear it."""
    return DRAINED in recall.applied.get(mark_of(proxy), {})


def was_upgrading(recall: Recall, proxy: str) -> bool:
    """Whether an interrupted apply of this inventory set maintenance mode to upgrade the proxy."""
    return recall.applied.get(mark_of(proxy), {}).get(DRAINED) == UPGRADING


def restores(change: Change) -> bool:
    """Whether the change clears maintenance mode that an interrupted apply left."""
    return MAINTENANCE in [item.path for item in change.fields]


def only_restores(change: Change) -> bool:
    """Whether it does nothing else."""
    return restores(change) and len(change.fields) == 1
