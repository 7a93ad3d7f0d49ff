"""Carrying out a plan: its steps in order, as events, and nothing that is not in it."""

from reconciler.apply.engine import Bell, Result, apply
from reconciler.apply.gate import Gate
from reconciler.apply.lanes import Lanes
from reconciler.apply.remember import Remember
from reconciler.apply.rollout import Limits
from reconciler.apply.site import Site

__all__ = ["Bell", "Gate", "Lanes", "Limits", "Remember", "Result", "Site", "apply"]
