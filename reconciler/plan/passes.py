"""Passes of the planner as ordered data. A pass sees the inputs and what the passes that it names contributed, and
nothing else, so every order that satisfies `needs` gives the same plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from reconciler.kinds.graph import Graph
from reconciler.kinds.naming import Naming
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Change, Report, UnknownField
from reconciler.model.recall import Recall
from reconciler.plan.sleep_state import is_asleep
from reconciler.requirements import Playbook


@dataclass(frozen=True, slots=True)
class PlanPart:
    """What a pass contributes. `obstacles` say, by key of a change, what outside of it prevents it; its own reason
    (`Change.blocked`) and its dependencies are reported first."""

    changes: tuple[Change, ...] = ()
    reports: tuple[Report, ...] = ()
    unknown: tuple[UnknownField, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    unchanged: int = 0
    obstacles: Mapping[str, str] = field(default_factory=dict)


def joined(parts: Iterable[PlanPart]) -> PlanPart:
    """The sum of `parts`."""
    given = list(parts)
    obstacles: dict[str, str] = {}
    for part in given:
        obstacles |= part.obstacles
    return PlanPart(
        changes=tuple(item for part in given for item in part.changes),
        reports=tuple(item for part in given for item in part.reports),
        unknown=tuple(item for part in given for item in part.unknown),
        problems=tuple(item for part in given for item in part.problems),
        unchanged=sum(part.unchanged for part in given),
        obstacles=obstacles,
    )


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

    @cached_property
    def asleep(self) -> frozenset[str]:
        """The names of the declared proxies that sleep."""
        live, recall = self.live, self.recall
        proxies = self.inventory.of_kind("proxy")
        return frozenset(
            proxy.name
            for proxy in proxies
            if is_asleep(proxy, live.resources.get(proxy.address), live.hosts.get(proxy.name), recall)
        )


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
