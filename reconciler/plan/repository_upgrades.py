"""Upgrades of repositories that are out of date, after those of their proxies (facts, 2.8 and 9): no job runs on such a
repository, and the server rejects changes to it."""

from __future__ import annotations

from typing import Final

from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.model.steps import UpgradeRepository
from reconciler.model.value import digest
from reconciler.model.version import build_number
from reconciler.plan.passes import Inputs, PlanPart
from reconciler.plan.repositories import is_reachable
from reconciler.plan.repository_states import OUTDATED, STATE, standing_still

_UP_TO_DATE: Final = "up to date"
_ITSELF_SINCE: Final = (8, 5)
"""The build of the server since which it upgrades repositories itself after their proxies; not those of version 7."""
BY_HAND: Final = (
    "declare `server.powershell: {credentials: NAME}`, a WinRM login to the management server, or upgrade it in the "
    "Veeam console, Backup Repositories, Upgrade"
)


def repository_upgrades(inputs: Inputs) -> PlanPart:
    """An upgrade of each declared repository that is out of date."""
    declared = ((item, inputs.live.resources.get(item.address)) for item in inputs.inventory.of_kind("repository"))
    late = ((item, found) for item, found in declared if found is not None and found.repository.is_outdated)
    return PlanPart(tuple(_upgrade(item, found, inputs) for item, found in late))


def _upgrade(declared: Resource, found: LiveResource, inputs: Inputs) -> Change:
    owner = str(found.fields.get("owner"))
    cause = Cause(Reason.DRIFT, standing_still(declared, OUTDATED, inputs), declared.position)
    blocked = _why_not(owner, inputs)
    step = UpgradeRepository(name=declared.name, id=found.id, owner=owner)
    return Change(
        address=declared.address,
        action=Action.UPGRADE,
        fields=(FieldChange(STATE, OUTDATED, _UP_TO_DATE, cause=cause),),
        cause=cause,
        steps=() if blocked else (step,),
        precondition=digest({"id": found.id, "owner": owner, STATE: OUTDATED}),
        blocked=blocked,
    )


def _why_not(owner: str, inputs: Inputs) -> str:
    if not inputs.naming.has_powershell and build_number(inputs.live.server.build) < _ITSELF_SINCE:
        return f"REST cannot upgrade a repository: {BY_HAND}"
    if not is_reachable(owner, inputs):
        return f"{owner} is not online, and has to be for the upgrade of its repository"
    return ""
