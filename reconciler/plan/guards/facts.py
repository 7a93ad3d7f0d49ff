"""What guards judge by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan

TOUCHING = (Action.UPDATE, Action.REPLACE, Action.DELETE, Action.UPGRADE)
ENDING = (Action.DELETE, Action.REPLACE)
"""A takeover is in neither: it is of a proxy that is none of our objects yet."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What guards judge by. `now` has a time zone; `complete` asks for a plan without unknowns."""

    plan: Plan
    inventory: Inventory
    live: Live
    now: datetime
    complete: bool = False

    def changes(self, *actions: Action) -> list[Change]:
        return [change for change in self.plan.changes if change.action in actions and not change.blocked]

    @property
    def ours(self) -> int:
        """How many live objects this inventory declares or created: what percentages are of."""
        return sum(
            1
            for where, found in self.live.resources.items()
            if where in self.inventory.resources or found.owner == self.inventory.name
        )
