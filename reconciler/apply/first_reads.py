"""Objects as they were before a request whose effect is not verified yet.

An update that is retried is compared with what its first attempt read, since a lost response may hide what a request
did. The journal keeps it as well, so that a run that is resumed can compare it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from reconciler.model.errors import ReconcileError, Refused, RemoteError
from reconciler.model.secret import without_secrets
from reconciler.model.step import Step

Raw = Mapping[str, Any]


class Keeper(Protocol):
    """Keeps what was read for the run that resumes this one."""

    def keep_read(self, key: str, step: Mapping[str, Any], raw: Raw) -> None:
        """On disk when this returns. Raises JournalError."""
        ...

    def drop_read(self, key: str) -> None: ...


class FirstReads:
    """`interrupted` is what the resumed run kept, by key: the path of an object, or of an item."""

    def __init__(self, keeper: Keeper | None = None, interrupted: Mapping[str, Raw] | None = None) -> None:
        self._keeper = keeper
        self._interrupted = dict(interrupted or {})
        self._reads: dict[str, Raw] = {}

    @property
    def pending(self) -> list[str]:
        """The keys of what is not verified."""
        return sorted({*self._reads, *self._interrupted})

    @contextmanager
    def attempt(self, step: Step, key: str, raw: Raw) -> Iterator[Raw]:
        """Send the request of `step` and verify it inside of this. Gives what its first attempt read: `raw`, if this is
        the first. It is kept as long as the request may have been executed and is not verified."""
        first = key not in self._reads
        if first and self._keeper:
            self._keeper.keep_read(key, {"verb": step.verb, "params": step.params}, without_secrets(raw))
        before = self._reads.setdefault(key, raw)
        try:
            yield before
        except RemoteError as error:
            if first and isinstance(error, Refused) and error.status < 500:  # nothing was done
                self.drop(key)
            raise
        except ReconcileError:  # it is verified, and something else differs
            self.drop(key)
            raise
        self.drop(key)

    def of_interrupted(self, key: str) -> Raw | None:
        """What the interrupted run read, without secrets; None if it is verified."""
        return self._interrupted.get(key)

    def drop(self, key: str) -> None:
        self._reads.pop(key, None)
        self._interrupted.pop(key, None)
        if self._keeper:
            self._keeper.drop_read(key)
