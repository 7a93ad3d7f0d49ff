"""An inventory in its lab, looked at and applied without a command line: the server through REST, hosts not probed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.apply import AppliedStateRecorder, ApplyContext, Result, RolloutLimits, ServerHealth, apply
from reconciler.clients.vbo import Reader, Writer, connect
from reconciler.inventory import load
from reconciler.journal import AppliedState, Journal
from reconciler.lab.lab import Lab
from reconciler.model.connection import ConnectionContext
from reconciler.model.event import Listener
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Plan
from reconciler.model.recall import Memory, Recall
from reconciler.observe import observe
from reconciler.plan import make_plan
from reconciler.plan.organization_coverage import coverage_of


@dataclass
class World:
    """`lab` can inject faults meanwhile."""

    inventory: Inventory
    lab: Lab
    memory: AppliedState
    scope: str = "matrix"
    plans: list[Plan] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)

    def apply(self, batch: str, limits: RolloutLimits, *, check: bool = True) -> tuple[Plan, Result]:
        """Observe, plan and apply once. `options` gets the coverage of what was observed, if it has any."""
        access = self.lab.redirect(self.inventory.access)
        context = ConnectionContext(self.lab.resolver, access.root)
        with connect(access.server, context) as session:
            reader = Reader(session)
            memory = self.memory.memory(self.scope)
            live = self._live(reader, memory)
            recall = Recall(memory.applied, identities=memory.identities)
            plan = make_plan(self.inventory, live, recall, access=access, playbooks={})
            plan = replace(plan, batch=batch)
            apply_context = ApplyContext(self.inventory.name, live, access, context, reader, Writer(session))
            recorder = AppliedStateRecorder(self.inventory, live, recall, self.memory, self.scope)
            recorder.begin(plan, apply_context.naming)
            if limits.coverage is not None:
                limits = replace(limits, coverage=coverage_of(self.inventory, live))
            with closing(apply_context.sessions):
                result = apply(
                    plan,
                    apply_context,
                    permits=[recorder.permit],
                    listeners=[recorder.listen, *self.listeners],
                    limits=limits,
                    parallel=16,
                    health=ServerHealth(apply_context) if check else None,
                )
        self.plans.append(plan)
        return plan, result

    def _live(self, reader: Reader, memory: Memory) -> Live:
        access = replace(self.lab.redirect(self.inventory.access), connections={})
        return observe(
            self.inventory,
            access=access,
            context=ConnectionContext(self.lab.resolver, access.root),
            reader=reader,
            playbooks={},
            clock=lambda: datetime.now(UTC),
            memory=memory,
        )

    def witness(self) -> dict[str, Any]:
        """What the lab's witness saw: see `lab/server/witness.py`."""
        seen: dict[str, Any] = self.lab.status()["coverage"]
        return seen


@contextmanager
def opened(folder: Path, inventory: str) -> Iterator[World]:
    file = folder / "inventory.yml"
    file.write_text(inventory, encoding="utf-8")
    found, problems = load(file, look_at_files=False)
    assert found is not None, problems
    with Lab.open(found, folder / "lab") as lab, Journal.open(folder / "journal.db") as journal:
        yield World(found, lab, journal.applied_state)
