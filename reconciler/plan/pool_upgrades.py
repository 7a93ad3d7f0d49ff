"""Pools are upgraded whole: members that are new wait until none is behind (facts of the product's guide, upgrades)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.kinds.graph import Graph
from reconciler.model.address import Address, name_of
from reconciler.model.build import build_number
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Report, ReportLevel
from reconciler.plan.objects import Findings


def together(changes: Iterable[Change]) -> Mapping[str, frozenset[str]]:
    """For each upgrade of a member of a pool the keys of all upgrades in that pool: they are approved and left out
    together."""
    pools: dict[str, set[str]] = {}
    for change in changes:
        for step in change.steps if change.action is Action.UPGRADE else ():
            if step.verb == "proxy.verify" and step.params.get("pool"):
                pools.setdefault(step.params["pool"], set()).add(change.key)
    return {key: frozenset(keys) for keys in pools.values() for key in keys}


def plan_whole(live: Live, findings: Findings) -> None:
    """Tell of the pools that will not be whole after the upgrades, and who is to blame."""
    upgraded = {
        name_of(change.address) for change in findings.changes if change.action is Action.UPGRADE and not change.blocked
    }
    graph = Graph.of(live.resources)
    for where in live.resources:
        members = graph.members(where) or ()
        if not upgraded & set(members):
            continue
        left = [name for name in members if name not in upgraded and not _is_new(name, live)]
        if left:
            verb = "is" if len(left) == 1 else "are"
            detail = f"{', '.join(left)} {verb} not upgraded with the others; until then those that are new wait"
            fix = "Bring them back, or take them out of the pool, and declare those that are not in the inventory."
            findings.reports.append(Report(where, "pool-not-whole", detail, None, ReportLevel.WARNING, fix))


def _is_new(name: str, live: Live) -> bool:
    """Known to have the version of the server, or in maintenance, where it is not counted."""
    found = live.resources.get(Address(f"proxy.{name}"))
    if found is None:
        return True
    version = build_number(str(found.raw.get("version") or ""))
    rests = found.raw.get("maintenanceModeState") in ("Enabling", "Enabled")
    return rests or version >= build_number(live.server.build)
