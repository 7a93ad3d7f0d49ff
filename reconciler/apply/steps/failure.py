"""Ends of a step that are nobody's transport error: a job that failed, a result that is not what was asked."""

from __future__ import annotations

from reconciler.model.errors import ReconcileError


class StepFailed(ReconcileError):
    """`log` holds the last lines of what went on, oldest first."""

    def __init__(self, message: str, log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.log = log


class StillRunning(ReconcileError):
    """The server goes on with what was begun, and nobody waits for it any longer: somebody interrupted the run."""


class NotBegun(ReconcileError):
    """Somebody interrupted the run while the step still waited for its turn: nothing was asked for."""
