"""What an operation reports while it works. `reconciler.model.event` has the events of single changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.event import Event
from reconciler.model.waiting import Waiting

if TYPE_CHECKING:
    from reconciler.operations.apply_run import ApplyResult
    from reconciler.operations.execution import Execution
    from reconciler.operations.job_runs import JobRunResult
    from reconciler.operations.session import PlanResult


@dataclass(frozen=True, slots=True)
class Message:
    """A line about what happens now. `verbose`: of interest only to users who ask for details."""

    text: str
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class InventoryLoaded:
    """An inventory was read from `files` (relative to its folder). `warnings` do not keep it from being used."""

    files: tuple[str, ...]
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Warned:
    """Something failed that the operation does not depend on."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class Locked:
    """The lock of this server is held from here on; without a name no lock is."""

    server: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan was made, and nothing is changed yet. `document` is its JSON form."""

    result: PlanResult
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Executed:
    """Every change of the plan has ended, or the run was stopped."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Verified:
    """The live state was observed and planned after an apply. `document` is the JSON form of the new plan; None if no
    differences remain."""

    result: PlanResult
    document: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The result that the operation is about to return. The lock is still held."""

    result: ApplyResult | JobRunResult


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The run was stopped without waiting for the changes in progress. The lock is released; returning from the
    operation would wait for the threads that still work, so a caller in a hurry ends its process now."""


Notice = Message | Waiting | InventoryLoaded | Warned | Locked | Planned | Executed | Verified | Finished | Abandoned
Listener = Callable[[Notice | Event], None]


def ignore(_: object) -> None:
    """The listener of callers that want no events."""
