"""A run while it happens: a listener that writes every step before it is done and after."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from threading import Lock
from typing import TYPE_CHECKING, Any

from reconciler.journal.errors import JournalError
from reconciler.journal.ids import Clock
from reconciler.journal.records import ChangeState, RunState
from reconciler.journal.spool import Row, Spool
from reconciler.journal.statements import Statements
from reconciler.model.event import ChangeEnded, ChangeStarted, Event, StepDone, StepStarted

if TYPE_CHECKING:
    from reconciler.journal.lock import HeldLock
    from reconciler.journal.store import Store

_OFTEN = 1.0
"""News from inside of a step is committed at most so often, in seconds: other terminals look at it, nothing else."""


class Run:
    """Begun by `Journal.begin`. Hand `listener` to the engine, then call `end`.

    Only the intent of a step has to be written: `StepStarted` raises JournalError where it cannot be, or LeaseLost
    where the lock is gone, and so the step is not done. Everything else that cannot be written is kept, is written
    before the next intent, and at the latest by `end`; `trouble` tells what stands in the way.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        keys: Sequence[str],
        *,
        clock: Clock,
        lock: HeldLock | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = run
        self.trouble: JournalError | None = None
        self._numbers = {key: number for number, key in enumerate(keys)}
        self._spool = Spool(store, lock, ticks=ticks)
        self._sql = Statements(store)
        self._clock = clock
        self._lock = lock
        self._ticks = ticks
        self._seen = ticks()
        self._count = 0
        self._order = Lock()

    def listen(self, event: Event) -> None:
        """Write an event. `StepStarted` is written by `permit`."""
        if isinstance(event, StepStarted):
            return
        if isinstance(event, StepDone):
            values = self._where(event.key) | {
                "b_step": event.index,
                "b_ended": self._clock(),
                "b_seconds": event.seconds,
            }
            self._put(event, Row(self._sql.end_step, values))
            self._keep()
        elif isinstance(event, ChangeStarted):
            values = self._where(event.key) | {"b_state": ChangeState.IN_FLIGHT, "b_started": self._clock()}
            self._put(event, Row(self._sql.start_change, values))
        elif isinstance(event, ChangeEnded):
            self._put(event, Row(self._sql.end_change, self._where(event.key) | self._ended(event)))
            self._keep()
        else:
            self._put(event)
            if self._ticks() - self._seen >= _OFTEN:
                self._keep()

    def permit(self, event: StepStarted) -> None:
        """On disk when this returns. Raises JournalError or LeaseLost: then the step must not be done."""
        self._hold()
        where = {"run": self.id, "change": self._numbers.get(event.key), "number": event.index}
        values = where | {"text": clean(event.text), "started": self._clock(), "ended": None, "seconds": 0.0}
        self._put(event, Row(self._sql.start_step, values))
        try:
            self._flush()
            self._hold()  # the commit renewed the lease, or found it gone
        except JournalError as error:
            self._withdraw(event.key, event.index, error)
            raise

    def note(self, kind: str, text: str) -> None:
        """Something that belongs to no single change: a batch, a gate, an interrupt, a lost lease."""
        self._record(kind, "", {"text": text})
        self._keep()

    def end(self, state: RunState) -> None:
        """Close the run. Raises JournalError where not everything could be written."""
        self._record("run-ended", "", {"state": state.value})
        values = {"b_run": self.id, "b_state": state.value, "b_ended": self._clock()}
        self._spool.put(Row(self._sql.end_run, values))
        self._flush()

    def _withdraw(self, key: str, index: int, error: JournalError) -> None:
        """An intent that is not followed by its step must not look as if the step were in doubt."""
        row = Row(self._sql.drop_step, self._where(key) | {"b_step": index})
        self._record("step-withdrawn", key, {"index": index, "reason": str(error)}, row)
        self._keep()

    def _hold(self) -> None:
        if self._lock is not None:
            self._lock.raise_if_lost()

    def _where(self, key: str) -> dict[str, Any]:
        return {"b_run": self.id, "b_number": self._numbers.get(key)}

    def _ended(self, event: ChangeEnded) -> dict[str, Any]:
        return {
            "b_state": event.outcome.value,
            "b_ended": self._clock(),
            "b_seconds": event.seconds,
            "b_detail": clean(event.detail),
            "b_hint": clean(event.hint),
            "b_log": json.dumps(event.log),
        }

    def _put(self, event: Event, *rows: Row) -> None:
        key = getattr(event, "key", "")
        known = rows if key in self._numbers else ()
        data = {field.name: getattr(event, field.name) for field in fields(event)}
        self._record(kebab(type(event).__name__), key, data, *known)

    def _record(self, kind: str, key: str, data: dict[str, Any], *rows: Row) -> None:
        data.pop("key", None)
        with self._order:
            self._count += 1
            values = {"run": self.id, "number": self._count, "at": self._clock(), "kind": kind, "key": clean(key)}
            self._spool.put(
                Row(self._sql.add_event, values | {"data": json.dumps(data, sort_keys=True, default=str)}), *rows
            )

    def _keep(self) -> None:
        try:
            self._flush()
        except JournalError:
            return  # kept in memory, and in `trouble`; the next intent will not pass over it

    def _flush(self) -> None:
        self._seen = self._ticks()
        try:
            self._spool.flush()
        except JournalError as error:
            self.trouble = error
            raise
        self.trouble = None


def kebab(name: str) -> str:
    """`StepStarted` to `step-started`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def clean(text: str) -> str:
    """Text as a database takes it: no NUL, which PostgreSQL refuses, and no half of a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
