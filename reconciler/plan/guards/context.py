"""What guards read: the plan and what it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan

TOUCHING = (Action.UPDATE, Action.REPLACE, Action.DELETE, Action.UPGRADE)
ENDING = (Action.DELETE, Action.REPLACE)
"""A takeover is in neither: its proxy is not on the server yet."""


@dataclass(frozen=True, slots=True)
class GuardContext:
    """`now` has a time zone; `complete` requires a plan without unknown fields and problems."""

    plan: Plan
    inventory: Inventory
    live: Live
    now: datetime
    complete: bool = False

    def changes(self, *actions: Action) -> list[Change]:
        return [change for change in self.plan.changes if change.action in actions and not change.blocked]

    @property
    def ours(self) -> int:
        """How many live objects this inventory declares or created: percentages are of this number."""
        return sum(
            1
            for where, found in self.live.resources.items()
            if where in self.inventory.resources or found.owner == self.inventory.name
        )
