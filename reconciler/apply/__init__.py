"""Carrying out a plan: its steps in order, as events, and nothing that is not in it."""

from reconciler.apply.engine import Bell, Result, apply
from reconciler.apply.remember import Remember
from reconciler.apply.schedule import Limits
from reconciler.apply.site import Site

__all__ = ["Bell", "Limits", "Remember", "Result", "Site", "apply"]
