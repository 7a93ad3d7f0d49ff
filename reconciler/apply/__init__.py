"""Carrying out a plan: its steps in order, as events, and nothing that is not in it."""

from reconciler.apply.engine import Result, apply
from reconciler.apply.remember import Remember
from reconciler.apply.site import Site

__all__ = ["Remember", "Result", "Site", "apply"]
