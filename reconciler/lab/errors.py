"""What can go wrong with the lab itself."""

from __future__ import annotations

from reconciler.model.errors import ReconcileError


class LabError(ReconcileError):
    """The lab cannot do what it was asked. The message is for people and says what to do."""


class LabGone(LabError):
    """The process that runs the lab does not take guests: it begins or ends just now, or it does not answer."""
