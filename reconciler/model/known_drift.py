"""Known drift: a difference that is accepted until a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reconciler.model.address import fits
from reconciler.model.position import Position


@dataclass(frozen=True, slots=True)
class Known:
    """Drift that `owner` accepts for `reason`, until the end of the day `expires`. `address` and `field` are globs."""

    address: str
    owner: str
    reason: str
    expires: date
    field: str = "*"
    position: Position | None = None

    def covers(self, address: str, path: str) -> bool:
        return fits(address, self.address) and fits(path, self.field)
