"""Proxies whose creation, deletion or upgrade was under way when an apply ended. The server installs the service before
it registers the proxy, and uninstalls it before it removes the proxy: it may have done the first half. And it may still
be at work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.model.address import kind_of
from reconciler.model.recall import Recall

CREATING: Final = "creating"
DELETING: Final = "deleting"
UPGRADING: Final = "upgrading"
_KEYS: Final = {CREATING: "(create)", DELETING: "(delete)", UPGRADING: "(upgrade)"}
ONE_OF_TWO: Final = "one of two"
"""In place of a fingerprint, and like none: the secret is sent again."""


def mark_of(work: str, proxy: str) -> str:
    """The address that `work` (CREATING, DELETING or UPGRADING) is remembered at: the proxy itself has no row then."""
    return f"{work}.{proxy}"


def marks(work: str, proxy: str, secrets: Mapping[str, str] | None = None) -> Mapping[str, Mapping[str, str]]:
    """What is remembered before the work begins, by address. `secrets` are the fingerprints of what is sent, by field:
    the server may have it although no answer came."""
    return {mark_of(work, proxy): {_KEYS[work]: "begun", **(secrets or {})}}


def sent(recall: Recall, proxy: str, secrets: Mapping[str, str]) -> Mapping[str, str]:
    """The fingerprints of what the server may have after a creation that sends `secrets`. It may still be at work on
    that of an earlier apply, with other secrets: then either may be in place."""
    if not was_begun(recall, CREATING, proxy):
        return secrets
    earlier = {field: secret_sent(recall, proxy, field) for field in secrets}
    return {field: now if earlier[field] == now else ONE_OF_TWO for field, now in secrets.items() if earlier[field]}


def secret_sent(recall: Recall, proxy: str, field: str) -> str | None:
    """The fingerprint of what was sent to create a proxy, while that has no result; None if it is not known."""
    return recall.applied.get(mark_of(CREATING, proxy), {}).get(field)


def was_begun(recall: Recall, work: str, proxy: str) -> bool:
    """Whether an apply of this inventory began the work, and has no result of it."""
    return _KEYS[work] in recall.applied.get(mark_of(work, proxy), {})


def begun(recall: Recall) -> frozenset[str]:
    """The marks of the work that an apply of this inventory began, and has no result of."""
    return frozenset(where for where in recall.applied if kind_of(where) in _KEYS)
