"""Pools: all members are upgraded together, since upgraded ones wait for the others (product guide, upgrades)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.model.address import address, name_of
from reconciler.model.inventory import Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Change, FieldChange, Report, ReportLevel
from reconciler.model.steps import VerifyProxy
from reconciler.model.version import build_number
from reconciler.plan.passes import Inputs, PlanPart


def upgraded_together(changes: Iterable[Change]) -> Mapping[str, frozenset[str]]:
    """For each upgrade of a member of a pool the keys of all upgrades in that pool: they are selected together."""
    pools: dict[str, set[str]] = {}
    for change in changes:
        for step in change.steps if change.action is Action.UPGRADE else ():
            if isinstance(step, VerifyProxy) and step.pool:
                pools.setdefault(step.pool, set()).add(change.key)
    return {key: frozenset(keys) for keys in pools.values() for key in keys}


def plan_pools(inputs: Inputs, proxies: PlanPart) -> PlanPart:
    """Reports of the pools that are upgraded in part only, and of the members that keep the others waiting. `proxies`
    are the changes of proxies."""
    live, reports = inputs.live, []
    upgraded = {
        name_of(change.address) for change in proxies.changes if change.action is Action.UPGRADE and not change.blocked
    }
    for where in live.resources:
        members = inputs.live_graph.members(where) or ()
        if not upgraded & set(members):
            continue
        left = [name for name in members if name not in upgraded and not _is_new(name, live)]
        if left:
            verb = "is" if len(left) == 1 else "are"
            detail = f"{', '.join(left)} {verb} not upgraded with the others: upgraded members wait for them"
            fix = "Bring them online or remove them from the pool, and declare those that are not in the inventory."
            reports.append(Report(where, "pool-not-whole", detail, None, ReportLevel.WARNING, fix))
    return PlanPart(reports=tuple(reports))


def why_no_member_leaves(_: Resource, found: LiveResource, changes: Sequence[FieldChange], inputs: Inputs) -> str:
    """Why an update of a pool cannot be done: a proxy in maintenance can be removed, but it cannot leave its pool."""
    members = next((item for item in changes if item.path == "members"), None)
    if members is None:
        return ""
    leaving = sorted(set(found.fields["members"]) - set(members.after))
    members_left = ((name, inputs.live.resources.get(address("proxy", name))) for name in leaving)
    resting = [name for name, proxy in members_left if proxy is not None and proxy.proxy.in_maintenance]
    return f"{', '.join(resting)} cannot leave the pool while in maintenance" if resting else ""


def _is_new(name: str, live: Live) -> bool:
    """Known to have the version of the server, or in maintenance, where it is not counted."""
    found = live.resources.get(address("proxy", name))
    if found is None:
        return True
    return found.proxy.in_maintenance or found.proxy.build >= build_number(live.server.build)
