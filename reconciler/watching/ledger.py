"""The ledger of findings: which are opened, go on, flap and are resolved. Pure.

A finding that could not be looked for keeps its state: unknown is not resolved. One that is opened too often within a
window flaps: it stays one incident, with one notice, until it was absent or present for a whole window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.model.finding import (
    ChangeOfState,
    Coverage,
    Finding,
    FindingState,
    TrackedFinding,
    Transition,
)

Ledger = Mapping[str, TrackedFinding]
"""Tracked findings of one server, by key."""


@dataclass(frozen=True, slots=True)
class Damping:
    """A finding flaps when it is opened for the `limit`th time within `window`."""

    window: timedelta = timedelta(hours=6)
    limit: int = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """When and by which observation findings were made. `new_id` gives the ids of incidents."""

    at: datetime
    observation: str
    new_id: Callable[[], str]


def turn(
    ledger: Ledger, seen: Iterable[Finding], coverage: Coverage, moment: Moment, damping: Damping
) -> tuple[dict[str, TrackedFinding], list[Transition]]:
    """The ledger after an observation, and the changes of state in the order of their keys."""
    found = {item.key: item for item in seen}
    after: dict[str, TrackedFinding] = {}
    transitions: list[Transition] = []
    for key in sorted({*ledger, *found}):
        kept, changes = _one(ledger.get(key), found.get(key), coverage, moment, damping)
        if kept is not None:
            after[key] = kept
            transitions += [Transition(change, kept, moment.at) for change in changes]
    return after, transitions


_Result = tuple[TrackedFinding | None, tuple[ChangeOfState, ...]]


def _one(
    before: TrackedFinding | None, finding: Finding | None, coverage: Coverage, moment: Moment, damping: Damping
) -> _Result:
    if before is None or not before.is_open:
        return _opened(before, finding, moment, damping) if finding else (_kept(before, moment, damping), ())
    if finding is not None:
        return _seen(before, finding, moment, damping)
    return _absent(before, moment, damping) if coverage.covers(before.finding) else (before, ())


def _opened(before: TrackedFinding | None, finding: Finding, moment: Moment, damping: Damping) -> _Result:
    earlier = before.openings if before else ()
    recent = tuple(at for at in earlier if moment.at - at < damping.window)[-damping.limit :]
    openings = (*recent, moment.at)[-damping.limit :]
    state, change = FindingState.OPEN, ChangeOfState.OPENED
    if finding.accepted:
        state, change = FindingState.ACKNOWLEDGED, ChangeOfState.ACKNOWLEDGED
    elif len(openings) >= damping.limit:
        state, change = FindingState.FLAPPING, ChangeOfState.FLAPPING
    made = TrackedFinding(
        finding,
        state,
        moment.new_id(),
        moment.at,
        moment.observation,
        present=True,
        changed=moment.at,
        openings=openings,
        announced=not finding.accepted,
    )
    return made, (change,)


def _kept(before: TrackedFinding | None, moment: Moment, damping: Damping) -> TrackedFinding | None:
    """A resolved finding for as long as its openings count."""
    if before is None or not any(moment.at - at < damping.window for at in before.openings):
        return None
    return before


def _seen(before: TrackedFinding, finding: Finding, moment: Moment, damping: Damping) -> _Result:
    changed = before.changed if before.present else moment.at
    now = replace(before, finding=finding, present=True, changed=changed)
    if finding.accepted:
        if before.state is FindingState.ACKNOWLEDGED:
            return now, ()
        return replace(now, state=FindingState.ACKNOWLEDGED), (ChangeOfState.ACKNOWLEDGED,)
    if before.state is FindingState.ACKNOWLEDGED:
        return replace(now, state=FindingState.OPEN, announced=True), (ChangeOfState.EXPIRED,)
    if before.state is FindingState.FLAPPING and moment.at - changed >= damping.window:
        return replace(now, state=FindingState.OPEN), (ChangeOfState.STABLE,)
    return now, ()


def _absent(before: TrackedFinding, moment: Moment, damping: Damping) -> _Result:
    changed = moment.at if before.present else before.changed
    now = replace(before, present=False, changed=changed)
    if before.state is FindingState.FLAPPING and moment.at - changed < damping.window:
        return now, ()
    return replace(now, state=FindingState.RESOLVED, changed=moment.at), (ChangeOfState.RESOLVED,)


def is_announced(transition: Transition) -> bool:
    """Whether a change of state is notified of. What was known drift from the start to the end is not."""
    return transition.after.announced
