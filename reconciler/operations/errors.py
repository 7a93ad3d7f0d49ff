"""Errors of operations that are not errors of an inventory, a server or a journal."""

from __future__ import annotations

from reconciler.model.errors import ReconcileError


class InvalidOption(ReconcileError):
    """An argument that does not exist, or does not fit the others. The command line calls it wrong usage."""


class ApprovalRequired(ReconcileError):
    """`apply` was called for an inventory without a way to ask for approval. Nothing was changed."""
