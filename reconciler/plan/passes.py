"""Passes of the planner as ordered data. A pass sees the inputs and what the passes that it names contributed, and
nothing else, so every order that satisfies `needs` gives the same plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.kinds.graph import Graph
from reconciler.kinds.naming import Naming
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.recall import Recall
from reconciler.plan.part import PlanPart, joined
from reconciler.requirements import Playbook


@dataclass(frozen=True)
class Inputs:
    """What a plan is made from. `playbooks` are by operating system."""

    inventory: Inventory
    live: Live
    recall: Recall
    naming: Naming
    playbooks: Mapping[str, Playbook]

    @cached_property
    def declared_graph(self) -> Graph:
        return Graph.of(self.inventory.resources)

    @cached_property
    def live_graph(self) -> Graph:
        return Graph.of(self.live.resources)


@dataclass(frozen=True, slots=True)
class Pass:
    """`run` is called with the inputs and the joined parts of the passes in `needs`."""

    name: str
    run: Callable[[Inputs, PlanPart], PlanPart]
    needs: tuple[str, ...] = ()


def run_passes(passes: Sequence[Pass], inputs: Inputs) -> PlanPart:
    """The parts of all passes, joined. Raises ValueError for an order in which a pass precedes one that it needs."""
    parts: dict[str, PlanPart] = {}
    for step in passes:
        missing = [name for name in step.needs if name not in parts]
        if missing:
            raise ValueError(f"the pass {step.name} runs before {', '.join(missing)}, which it needs")
        parts[step.name] = step.run(inputs, joined(parts[name] for name in step.needs))
    return joined(parts.values())
