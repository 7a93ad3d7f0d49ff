"""Carrying out a plan: its steps in order, as events, and nothing that is not in it."""

from reconciler.apply.concurrency import ConcurrencyLimits
from reconciler.apply.context import ApplyContext
from reconciler.apply.engine import Result, StopSignal, apply
from reconciler.apply.health_gate import Gate
from reconciler.apply.memory import Remember
from reconciler.apply.rollout import Limits

__all__ = ["ApplyContext", "ConcurrencyLimits", "Gate", "Limits", "Remember", "Result", "StopSignal", "apply"]
