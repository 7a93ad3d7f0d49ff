"""What one part of planning contributes to the plan, and the sum of such parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.plan import Change, Report, UnknownField


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
