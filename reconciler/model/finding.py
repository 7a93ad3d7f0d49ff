"""Findings of observations: what differs or fails, since when, and how that changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

WHOLE: Final = "server"
"""The address of a finding about a server as a whole."""


class FindingKind(StrEnum):
    """DRIFT: the live state is not as declared. OUTDATED: a service or repository that would be upgraded. PROBLEM:
    something could not be observed. WARNING: a report that is likely to matter."""

    DRIFT = "drift"
    OUTDATED = "outdated"
    PROBLEM = "problem"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is a field, an action or the code of a problem; together with `kind` and `address` it identifies the
    finding. `severity` is `high` or `low`. `accepted`: it is known drift."""

    kind: FindingKind
    address: str
    subject: str
    severity: str
    text: str
    accepted: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.address}:{self.subject}"


class FindingState(StrEnum):
    """FLAPPING: opened and resolved so often that it stays open until it is stable. A RESOLVED one is kept for as long
    as it counts towards flapping."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    FLAPPING = "flapping"
    RESOLVED = "resolved"


class ChangeOfState(StrEnum):
    """STABLE: it is no longer flapping, and still open. EXPIRED: it is no longer known drift, and still open."""

    OPENED = "opened"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"
    FLAPPING = "flapping"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class TrackedFinding:
    """A finding in the ledger. `incident` identifies it from its opening to its resolution, `since` is when that was
    opened and `observation` the id of the observation that opened it. `present` is whether it was found when it could
    last be looked for, `changed` when that changed last. `openings` are the recent times at which it was opened.
    `announced`: its opening was notified of, so its resolution will be.
    """

    finding: Finding
    state: FindingState
    incident: str
    since: datetime
    observation: str
    present: bool
    changed: datetime
    openings: tuple[datetime, ...] = ()
    announced: bool = False

    @property
    def is_open(self) -> bool:
        return self.state is not FindingState.RESOLVED


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state at the time `at`, `after` it."""

    change: ChangeOfState
    after: TrackedFinding
    at: datetime

    def to_json(self) -> dict[str, Any]:
        found = self.after.finding
        return {
            "change": self.change.value,
            "kind": found.kind.value,
            "address": found.address,
            "subject": found.subject,
            "severity": found.severity,
            "text": found.text,
            "since": self.after.since.isoformat(timespec="seconds"),
            "incident": self.after.incident,
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an observation looked at: nothing unless it is `observed`; if it is `incomplete`, problems and no
    differences. `hidden` are addresses, and `fields` pairs of address and field, that could not be observed; of
    addresses that are seen in `part` only drift could. What was not looked at keeps its state."""

    observed: bool = True
    incomplete: bool = False
    hidden: frozenset[str] = frozenset()
    part: frozenset[str] = frozenset()
    fields: frozenset[tuple[str, str]] = frozenset()

    def covers(self, finding: Finding) -> bool:
        if finding.kind is FindingKind.PROBLEM:
            return self.observed
        if not self.observed or self.incomplete or finding.address in self.hidden:
            return False
        if finding.address in self.part and finding.kind is not FindingKind.DRIFT:
            return False
        return (finding.address, finding.subject) not in self.fields
