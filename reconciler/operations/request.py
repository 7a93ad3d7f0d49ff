"""What is to be planned: everything, a part of it, or what was approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.model.plan import Action

if TYPE_CHECKING:
    from reconciler.model.step import Step


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a plan. `targets` and `excludes` are addresses (`proxy.px-1`), patterns (`job.*`), or groups (`@dmz`).
    Targets bring what they depend on with them, excludes what depends on them. Without `runs` no job is started."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    runs: bool = True

    def __bool__(self) -> bool:
        return bool(self.targets or self.excludes or not self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """`waivers` maps codes of guards to reasons. `require_complete` refuses a plan with unknown fields. `batch` is the
    sizes of batches (`1,25%,100%`), empty for the default. `adopt` plans adoptions and nothing else.

    `approved` are changes in their JSON form; None plans everything that differs. `batches` are the batches that were
    approved, as keys; None makes them. Only when a run is resumed: `in_progress` are keys of approved changes that it
    may have done in part, `resumes` is that run, and `unverified` are the steps, by key, that verify what it sent and
    did not read back.
    """

    waivers: Mapping[str, str] = field(default_factory=dict)
    require_complete: bool = False
    selection: Selection = field(default_factory=Selection)
    batch: str = ""
    adopt: bool = False
    approved: Sequence[Mapping[str, Any]] | None = None
    batches: Sequence[Sequence[str]] | None = None
    in_progress: frozenset[str] | None = None
    resumes: str = ""
    unverified: Mapping[str, Sequence[Step]] = field(default_factory=dict)


def adopts(changes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether changes in their JSON form are adoptions. A plan of adoptions has no other changes."""
    return any(change["action"] == Action.ADOPT for change in changes)
