"""Planning: pure functions from an inventory, a live world and what is remembered, to a plan. No I/O, no clock."""

from reconciler.plan.document import plan_to_json
from reconciler.plan.planner import make_plan

__all__ = ["make_plan", "plan_to_json"]
