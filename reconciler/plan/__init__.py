"""Planning: pure functions from an inventory, a live world and what is remembered, to a plan. No I/O, no clock.

What a program takes from here is imported when it is asked for: who only reports what an inventory says makes no plan.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.plan.document import plan_to_json
    from reconciler.plan.planner import make_plan
else:
    _LATER = {"make_plan": "planner", "plan_to_json": "document"}

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = ["make_plan", "plan_to_json"]
