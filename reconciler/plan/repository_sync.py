"""Repositories on object storage that are out of sync with the cache of their proxy or pool are synchronized (facts,
5.1 and 5.2), before their other changes. Of one that cannot be, `repository_states` reports why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from reconciler.kinds.storage_settings import is_on_object_storage
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.model.steps import SyncRepository
from reconciler.model.value import digest
from reconciler.plan.passes import Inputs, PlanPart
from reconciler.plan.repositories import is_reachable
from reconciler.plan.repository_states import OUT_OF_SYNC, STATE, WORDS, repository_states, standing_still

_IN_SYNC: Final = "in sync"


def with_states(part: PlanPart, inputs: Inputs) -> PlanPart:
    """`part`, the changes of all objects, with the synchronizations, and reports of the states that nothing mends."""
    changes = {change.key: change for change in part.changes}
    for declared in inputs.inventory.of_kind("repository"):
        found = inputs.live.resources.get(declared.address)
        if found is not None and found.repository.is_out_of_sync and _can_be_synchronized(found, inputs):
            change = _synchronization(declared, found, inputs)
            own = [item for item in part.changes if item.address == declared.address and item.action in _OTHERS]
            if not own:
                changes[change.key] = change
            elif own[0].action is Action.UPDATE and not own[0].blocked:
                changes[change.key] = _joined(change, own[0])
    synchronized = synchronized_by(changes.values())
    return replace(
        part, changes=tuple(changes.values()), reports=(*part.reports, *repository_states(inputs, synchronized))
    )


_OTHERS: Final = (Action.UPDATE, Action.REPLACE)


def synchronized_by(changes: Iterable[Change]) -> frozenset[str]:
    """The addresses of the repositories that these changes synchronize."""
    return frozenset(
        change.address for change in changes if any(isinstance(step, SyncRepository) for step in change.steps)
    )


def _can_be_synchronized(found: LiveResource, inputs: Inputs) -> bool:
    return is_on_object_storage(found.fields) and is_reachable(str(found.fields.get("owner")), inputs)


def _synchronization(declared: Resource, found: LiveResource, inputs: Inputs) -> Change:
    word = WORDS[OUT_OF_SYNC]
    cause = Cause(Reason.DRIFT, standing_still(declared, word, inputs), declared.position)
    return Change(
        address=declared.address,
        action=Action.UPDATE,
        fields=(FieldChange(STATE, word, _IN_SYNC, cause=cause),),
        cause=cause,
        steps=(SyncRepository(name=declared.name, id=found.id),),
        precondition=digest({"id": found.id, STATE: word}),
    )


def _joined(first: Change, then: Change) -> Change:
    """One change of the object, since a plan has one update of each."""
    return replace(
        then,
        fields=(*first.fields, *then.fields),
        steps=(*first.steps, *then.steps),
        precondition=digest([first.precondition, then.precondition]),
    )
