"""The functions that run steps, and the errors that steps raise themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.model.errors import ReconcileError
from reconciler.model.step import Step

S = TypeVar("S", bound=Step)

RUN: dict[str, Callable[[ApplyContext, Any, Reporter], str | None]] = {}
"""The function of every step, by its verb. It is given the context, the step and a reporter of news; it returns a
sentence about its result or None, and raises a ReconcileError where it fails."""


def runs(
    *steps: type[S],
) -> Callable[[Callable[[ApplyContext, S, Reporter], str | None]], Callable[[ApplyContext, S, Reporter], str | None]]:
    """Registers the function that runs `steps`."""

    def register(function: Callable[[ApplyContext, S, Reporter], str | None]) -> Any:
        RUN.update({step.verb: function for step in steps})
        return function

    return register


Effects = Callable[[ApplyContext, Any, Mapping[str, Any]], list[str]]

VERIFY: dict[str, Effects] = {}
"""By the verb of a step that keeps what it read first (`ApplyContext.first_reads`): a function that reads the object
again, and returns what differs from then besides what the step changes."""


def verifies(*steps: type[S]) -> Callable[[Effects], Effects]:
    """Registers the function that verifies `steps`."""

    def register(function: Effects) -> Effects:
        VERIFY.update({step.verb: function for step in steps})
        return function

    return register


class StepFailed(ReconcileError):
    """The result is not what was asked for. `log` has the last lines of the work, oldest first."""

    def __init__(self, message: str, log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.log = log


class NotStarted(StepFailed):
    """What the step was to start did not start: the next apply starts it."""


class NotFollowed(StepFailed):
    """The server continues the work, and its result is not known: the next apply follows it."""


class StillRunning(ReconcileError):
    """The run was interrupted, and the server continues the work."""


class NotBegun(ReconcileError):
    """The run was interrupted before the step sent its request."""
