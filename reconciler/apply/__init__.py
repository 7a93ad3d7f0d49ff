"""Applies a plan: its steps in order, as events, and nothing that is not in the plan."""

from reconciler.apply.concurrency import ConcurrencyLimits
from reconciler.apply.context import ApplyContext
from reconciler.apply.engine import Result, StopSignal, apply
from reconciler.apply.first_reads import FirstReads
from reconciler.apply.health import ServerHealth
from reconciler.apply.recorder import AppliedStateRecorder
from reconciler.apply.rollout import RolloutLimits

__all__ = [
    "AppliedStateRecorder",
    "ApplyContext",
    "ConcurrencyLimits",
    "FirstReads",
    "Result",
    "RolloutLimits",
    "ServerHealth",
    "StopSignal",
    "apply",
]
