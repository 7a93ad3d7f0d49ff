"""Putting back what a change took away, on every path: which steps of a change that failed must still be done, and the
memory of what is drained, so that the next plan undoes what a killed run left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from reconciler.journal import JournalError
from reconciler.model.address import kind_of, name_of
from reconciler.model.event import Event, StepDone, StepStarted
from reconciler.model.plan import Plan, Step
from reconciler.model.recall import Recall
from reconciler.plan.maintenance import DRAINED, MARK, mark_of, restores

if TYPE_CHECKING:
    from reconciler.journal import Memory

RESTORES: Final = {"maintenance.on": "maintenance.off"}
"""Steps that leave something open, and what closes it again. Both look before they act, so that a step that failed
half way is closed as well as one that was done."""


def left_open(steps: Sequence[Step], failed: int) -> list[int]:
    """The indexes of the steps that close what the steps up to `failed` (the one that failed, included) opened."""
    begun = [RESTORES[step.verb] for step in steps[: failed + 1] if step.verb in RESTORES]
    return [index for index, step in enumerate(steps) if index > failed and step.verb in begun]


class Drains:
    """A listener that marks a proxy before it is drained, and forgets the mark when it is back. A mark that cannot be
    written raises JournalError, so that the proxy is not drained; one that cannot be forgotten does no harm."""

    def __init__(self, memory: Memory, scope: str) -> None:
        self._memory = memory
        self._scope = scope
        self._steps: Mapping[str, Sequence[Step]] = {}

    def begin(self, plan: Plan) -> None:
        self._steps = {change.key: change.steps for change in plan.changes}

    def __call__(self, event: Event) -> None:
        if not isinstance(event, StepStarted | StepDone) or event.key not in self._steps:
            return
        step = self._steps[event.key][event.index]
        if isinstance(event, StepStarted) and step.verb in RESTORES:
            self._memory.remember(self._scope, {mark_of(step.params["name"]): {DRAINED: "by an apply"}})
        elif isinstance(event, StepDone) and step.verb in RESTORES.values():
            with suppress(JournalError):
                self._memory.forget(self._scope, mark_of(step.params["name"]))

    def settle(self, plan: Plan, recall: Recall) -> None:
        """Forget the marks of proxies that `plan`, made of a fresh look, does not find in maintenance any more."""
        left = {mark_of(name_of(change.address)) for change in plan.changes if restores(change)}
        for where in recall.applied:
            if kind_of(where) == MARK and where not in left:
                self._memory.forget(self._scope, where)
