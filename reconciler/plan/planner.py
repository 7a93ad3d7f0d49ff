"""From the three inputs to a plan."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds.naming import Naming
from reconciler.model.connection import Access
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.plan.batches import with_disruptions
from reconciler.plan.consistency import plan_planes
from reconciler.plan.drains import plan_restores, with_drains
from reconciler.plan.hosts import plan_hosts
from reconciler.plan.moves import plan_moves
from reconciler.plan.objects import plan_objects
from reconciler.plan.order import order
from reconciler.plan.ownership import plan_undeclared
from reconciler.plan.packages import plan_packages
from reconciler.plan.pool_upgrades import plan_whole
from reconciler.plan.replaces import plan_replaces
from reconciler.plan.runs import plan_runs
from reconciler.plan.takeovers import plan_takeovers
from reconciler.plan.upgrades import plan_upgrades
from reconciler.requirements import Playbook


def make_plan(
    inventory: Inventory,
    live: Live,
    recall: Recall,
    *,
    access: Access,
    playbooks: Mapping[str, Playbook],
    lab: bool = False,
) -> Plan:
    """What has to change so that the live world is as declared. Pure: the same inputs give the same plan."""
    naming = Naming(live.server.rest, access)
    findings = plan_objects(inventory, live, recall, naming)
    plan_undeclared(inventory, live, recall, findings)
    unfit = plan_hosts(inventory, live, playbooks, findings)
    plan_planes(inventory, live, findings)
    plan_upgrades(inventory, live, findings)
    plan_moves(live, findings)
    plan_replaces(inventory, live, findings)
    plan_takeovers(inventory, live, findings)
    plan_packages(inventory, live, findings)
    plan_runs(inventory, live, recall, findings)
    plan_whole(live, findings)
    plan_restores(inventory, live, recall, findings)
    findings.problems += live.problems
    disrupting = with_disruptions(order(findings.changes, inventory, live, unfit), inventory, live)
    return Plan(
        inventory=inventory.name,
        inventory_digest=inventory.digest,
        server=live.server,
        changes=with_drains(disrupting, inventory, live, recall),
        reports=tuple(sorted(findings.reports, key=lambda item: (item.address, item.code, item.detail))),
        unknown=tuple(sorted(findings.unknown, key=lambda item: (item.address, item.path))),
        problems=tuple(sorted(findings.problems, key=lambda item: item.sort_key)),
        unchanged=findings.unchanged,
        requests=live.requests,
        lab=lab,
    )
