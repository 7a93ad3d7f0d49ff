"""Proxies whose creation was under way when an apply ended: the server may have installed the service on their hosts
already, and not have registered it."""

from __future__ import annotations

from typing import Final

from reconciler.model.recall import Recall

CREATING: Final = "(create)"
MARK: Final = "creating"


def mark_of(proxy: str) -> str:
    """The address that the mark is remembered at: the proxy itself has no row before it exists."""
    return f"{MARK}.{proxy}"


def was_begun(recall: Recall, proxy: str) -> bool:
    """Whether an apply of this inventory began to create the proxy, and has no result of it."""
    return CREATING in recall.applied.get(mark_of(proxy), {})
