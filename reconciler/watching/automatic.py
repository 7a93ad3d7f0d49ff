"""Which changes `watch --apply` makes now, and why it leaves others that `policy.auto` allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler.journal import ChangeState, RunState
from reconciler.model.finding import WHOLE, Finding, FindingKind
from reconciler.operations.automatic import OPERATION
from reconciler.plan.automatic import permitted, refusals
from reconciler.plan.document import change_to_json
from reconciler.watching.findings import coverage_of
from reconciler.watching.pacing import LOOK_BACK, pace

if TYPE_CHECKING:
    from reconciler.journal import Journal, RunRecord
    from reconciler.model.plan import Change
    from reconciler.operations.observing import Observation

OUTCOME: Final = "auto-apply"
"""The subject of the finding that an automatic apply ended with an error."""
UNTRIED: Final = frozenset([(WHOLE, OUTCOME)])
"""What is not known before changes are tried: whether that ends with an error."""
_REFUSED: Final = "auto-refused"
_LEFT: Final = "auto-left"
_WINDOW: Final = "window"
_PERSONS: Final = timedelta(days=7)
"""For how long the changes of an interrupted apply are left to the person who began it."""
_UNFINISHED: Final = (RunState.KILLED, RunState.INTERRUPTED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Decision:
    """`approved` are the changes to be made now, in their JSON form; `findings` are about those that are not."""

    approved: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Finding, ...] = ()


def decide(observation: Observation, journal: Journal, now: datetime) -> Decision:
    """What the plan of an observation has for an automatic apply. Known drift is left, and so is everything while the
    observation is incomplete. Raises JournalError."""
    inventory, plan = observation.inventory, observation.plan
    allowed = permitted(plan, inventory, now, without=_accepted(observation))
    if not allowed or coverage_of(observation).incomplete:
        return Decision()
    run = _left_to_a_person(journal, inventory.name, now)
    left = _left_keys(allowed, run)
    held, found = pace(allowed, journal.attempts.of(OPERATION, inventory, now - LOOK_BACK), now)
    if run is not None and left:
        found.append(_not_finished(run))
    ready = permitted(plan, inventory, now, without={*_accepted(observation), *left, *held})
    broken = refusals(plan, ready, inventory, observation.live, now)
    found += [_refusal(item.code, item.detail) for item in broken if item.code != _WINDOW]
    approved = () if broken else tuple(change_to_json(change) for change in ready)
    return Decision(approved, tuple(found))


def outcome(text: str) -> Finding:
    """That an automatic apply ended with an error before its end."""
    return Finding(FindingKind.WARNING, WHOLE, OUTCOME, "high", text)


def _accepted(observation: Observation) -> set[str]:
    """The keys of changes of which something is known drift: their steps would write that too."""
    pending = {change["key"]: change["fields"] for change in observation.pending["changes"]}
    return {change["key"] for change in observation.drift["changes"] if change["fields"] != pending.get(change["key"])}


def _left_to_a_person(journal: Journal, inventory: str, now: datetime) -> RunRecord | None:
    """The latest apply of a person, if it did not come to its end."""
    latest = journal.runs(1, "apply", inventory)
    if not latest or latest[0].state not in _UNFINISHED or now - latest[0].started >= _PERSONS:
        return None
    return journal.run(latest[0].id)


def _left_keys(allowed: Iterable[Change], run: RunRecord | None) -> set[str]:
    """Changes at the addresses that the run did not finish."""
    open_ = {item.address for item in run.changes if item.state is not ChangeState.DONE} if run else set[str]()
    return {change.key for change in allowed if change.address in open_}


def _not_finished(run: RunRecord) -> Finding:
    text = f"run {run.id} of {run.user} did not finish ({run.state}): its changes are left to a person"
    return Finding(FindingKind.WARNING, WHOLE, _LEFT, "low", text)


def _refusal(code: str, detail: str) -> Finding:
    return Finding(FindingKind.WARNING, WHOLE, f"{_REFUSED}-{code}", "high", f"no automatic change is made: {detail}")
