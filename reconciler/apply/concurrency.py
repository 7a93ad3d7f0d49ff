"""Concurrency limits: how many changes may use the REST API, SSH, WinRM and one host at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model.address import kind_of, name_of
from reconciler.model.plan import Change
from reconciler.model.step import Limit, Step
from reconciler.model.steps import UpgradeRepository

REST, SSH, WINRM = "rest", "ssh", "winrm"
_ALONE = ("host ", "upgrade ")
"""Begin the names of limits of one."""


def is_alone(limit: str) -> bool:
    """Whether it is a limit of one, of one host or one owner of repositories."""
    return limit.startswith(_ALONE)


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """`limits` has the number of changes at a time by what they use, `transports` the transport of each host. A host
    never has more than one change at a time, and an owner of repositories never more than one upgrade of them."""

    limits: Mapping[str, int] = field(default_factory=lambda: {REST: 8, SSH: 16, WINRM: 16})
    transports: Mapping[str, str] = field(default_factory=dict)

    def of(self, change: Change) -> frozenset[str]:
        """The limits that `change` counts against."""
        found = {self._limit(step) for step in change.steps}
        if kind_of(change.address) in ("host", "proxy"):
            found.add(f"host {name_of(change.address)}")
        found |= {f"upgrade {step.owner}" for step in change.steps if isinstance(step, UpgradeRepository)}
        return frozenset(found - {""})

    def are_free(self, wanted: Iterable[str], used: Mapping[str, int]) -> bool:
        """Whether a change with the limits `wanted` may start; `used` are those of the changes that are running."""
        return all(used.get(limit, 0) < (1 if is_alone(limit) else self.limits[limit]) for limit in wanted)

    def _limit(self, step: Step) -> str:
        if step.limit is Limit.HOST:
            return self.transports.get(str(step.params.get("host")), WINRM)
        return step.limit.value
