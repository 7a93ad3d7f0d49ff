"""From an inventory, the live world and what is remembered to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.collector import collector_paused
from reconciler.kinds.naming import Naming
from reconciler.model.connection import Access
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.plan.asleep import without_asleep
from reconciler.plan.batches import with_disruptions
from reconciler.plan.disagreements import plan_consistency
from reconciler.plan.incomplete import plan_incomplete
from reconciler.plan.job_runs import plan_job_runs
from reconciler.plan.objects import plan_objects
from reconciler.plan.order import order
from reconciler.plan.ownership import plan_undeclared
from reconciler.plan.passes import Inputs, Pass, run_passes
from reconciler.plan.pools import plan_pools
from reconciler.plan.proxies import plan_proxies
from reconciler.requirements import Playbook

PASSES: Final = (
    Pass("objects", plan_objects),
    Pass("proxies", plan_proxies),
    Pass("undeclared", plan_undeclared, needs=("objects",)),
    Pass("consistency", plan_consistency),
    Pass("job runs", plan_job_runs, needs=("objects", "proxies")),
    Pass("pools", plan_pools, needs=("proxies",)),
    Pass("incomplete", plan_incomplete, needs=("objects", "proxies", "undeclared", "job runs")),
)
"""Everything that contributes to a plan. Any order that satisfies `needs` gives the same plan."""


def make_plan(
    inventory: Inventory,
    live: Live,
    recall: Recall,
    *,
    access: Access,
    playbooks: Mapping[str, Playbook],
    lab: bool = False,
    passes: Sequence[Pass] = PASSES,
) -> Plan:
    """What has to change so that the live world is as declared. Pure: the same inputs give the same plan."""
    with collector_paused():
        return _make_plan(inventory, live, recall, access, playbooks, lab, passes)


def _make_plan(
    inventory: Inventory,
    live: Live,
    recall: Recall,
    access: Access,
    playbooks: Mapping[str, Playbook],
    lab: bool,
    passes: Sequence[Pass],
) -> Plan:
    naming = Naming(live.server.rest, access)
    naming.refer(live.references)
    naming.directory = live.directory
    inputs = Inputs(inventory, live, recall, naming, playbooks)
    awake = without_asleep(run_passes(passes, inputs), inputs)
    found = awake.part
    ordered = order(found.changes, inventory, live, found.obstacles)
    return Plan(
        inventory=inventory.name,
        inventory_digest=inventory.digest,
        server=live.server,
        changes=with_disruptions(ordered, inventory, live),
        reports=tuple(sorted(found.reports, key=lambda item: (item.address, item.code, item.detail))),
        unknown=tuple(sorted(found.unknown, key=lambda item: (item.address, item.path))),
        problems=tuple(sorted((*found.problems, *live.problems), key=lambda item: item.sort_key)),
        unchanged=found.unchanged,
        requests=live.requests,
        lab=lab,
        asleep=tuple(sorted(change.key for change in awake.changes)),
    )
