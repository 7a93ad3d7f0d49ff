"""What can go wrong with the lab itself."""

from __future__ import annotations

from reconciler.model.errors import ReconcileError


class LabError(ReconcileError):
    """The lab cannot do what it was asked. The message is for people and says what to do."""
