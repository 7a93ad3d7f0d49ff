"""The ledger by its properties: what is opened is resolved once, unknown resolves nothing, flapping is one incident."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.finding import (
    ChangeOfState,
    Coverage,
    Finding,
    FindingKind,
    FindingState,
    TrackedFinding,
    Transition,
)
from reconciler.watching.ledger import Damping, Moment, is_announced, turn
from tests.watching.samples import NOON

DAMPING = Damping(timedelta(hours=1), 3)
A = Finding(FindingKind.DRIFT, "proxy.a", "throttle", "low", "off -> on")
FINDINGS = (A, Finding(FindingKind.OUTDATED, "proxy.a", "upgrade", "high", "8.4 is installed"))

Cycle = tuple[frozenset[int], frozenset[int], frozenset[int], int]
"""Indices of findings that are there, are accepted, cannot be looked at; and minutes since the cycle before."""
_SOME = st.frozensets(st.integers(0, len(FINDINGS) - 1))
few = settings(max_examples=40, deadline=None)
CYCLES = st.lists(st.tuples(_SOME, _SOME, _SOME, st.integers(1, 90)), max_size=40)


def play(cycles: Sequence[Cycle]) -> list[tuple[dict[str, TrackedFinding], list[Transition]]]:
    ledger: dict[str, TrackedFinding] = {}
    now, numbers, log = NOON, count(), []
    for there, accepted, hidden, minutes in cycles:
        now += timedelta(minutes=minutes)
        blind = frozenset((FINDINGS[number].address, FINDINGS[number].subject) for number in hidden - there)
        seen = [_accepted(FINDINGS[number], number in accepted) for number in sorted(there)]
        moment = Moment(now, f"o{next(numbers)}", lambda: f"i{next(numbers)}")
        ledger, transitions = turn(ledger, seen, Coverage(fields=blind), moment, DAMPING)
        log.append((ledger, transitions))
    return log


def _accepted(finding: Finding, accepted: bool) -> Finding:
    return Finding(finding.kind, finding.address, finding.subject, finding.severity, finding.text, accepted)


@few
@given(CYCLES)
def test_an_incident_is_opened_once_and_resolved_at_most_once(cycles: list[Cycle]) -> None:
    opened: Counter[str] = Counter()
    resolved: Counter[str] = Counter()
    beginnings = (ChangeOfState.OPENED, ChangeOfState.FLAPPING)
    for _, transitions in play(cycles):
        for item in transitions:
            incident = item.after.incident
            opened[incident] += item.change in beginnings
            resolved[incident] += item.change is ChangeOfState.RESOLVED
            assert item.change is not ChangeOfState.RESOLVED or resolved[incident] == 1
    assert max([*opened.values(), 0]) <= 1


@few
@given(CYCLES)
def test_what_cannot_be_looked_at_keeps_its_state(cycles: list[Cycle]) -> None:
    before: dict[str, TrackedFinding] = {}
    for (there, _, hidden, _), (after, transitions) in zip(cycles, play(cycles), strict=True):
        for number in hidden - there:
            key = FINDINGS[number].key
            was_open = key in before and before[key].is_open
            assert not was_open or after[key] == before[key]
            assert all(item.after.finding.key != key for item in transitions)
        before = after


@few
@given(CYCLES)
def test_what_is_there_is_open_and_what_is_gone_is_not_unless_it_flaps(cycles: list[Cycle]) -> None:
    for (there, _, hidden, _), (after, _) in zip(cycles, play(cycles), strict=True):
        for number, finding in enumerate(FINDINGS):
            found = after.get(finding.key)
            if number in there:
                assert found is not None
                assert found.is_open
                assert found.present
            elif number not in hidden and found is not None and found.is_open:
                assert found.state is FindingState.FLAPPING


@few
@given(CYCLES)
def test_a_state_is_never_announced_twice_in_a_row(cycles: list[Cycle]) -> None:
    last: dict[str, ChangeOfState] = {}
    for _, transitions in play(cycles):
        for item in transitions:
            assert last.get(item.after.incident) is not item.change
            last[item.after.incident] = item.change


@few
@given(CYCLES)
def test_the_ledger_forgets(cycles: list[Cycle]) -> None:
    """At most one entry a finding, at most `limit` openings in it, and none that no longer counts."""
    for ledger, _ in play([*cycles, (frozenset(), frozenset(), frozenset(), 90), (frozenset(),) * 3 + (90,)]):
        assert all(len(found.openings) <= DAMPING.limit for found in ledger.values())
    assert not ledger


def changes(*present: bool, minutes: int = 10, accepted: frozenset[int] = frozenset()) -> list[str]:
    here, gone = frozenset({0}), frozenset[int]()
    cycles = [(here if there else gone, accepted, gone, minutes) for there in present]
    return [item.change.value for _, transitions in play(cycles) for item in transitions]


def test_flapping_is_one_notice_until_it_is_stable() -> None:
    assert changes(True, False, True, False, True, False, True, False, True, False) == [
        "opened",
        "resolved",
        "opened",
        "resolved",
        "flapping",
    ]
    assert changes(*[True, False] * 3, *[False] * 6)[-1] == "resolved"
    assert changes(*[True, False] * 2, *[True] * 7)[-1] == "stable"


def test_known_drift_is_not_notified_of() -> None:
    (_, (first,)), (_, (last,)) = play([(frozenset({0}), frozenset({0}), frozenset(), 1), (frozenset(),) * 3 + (1,)])
    assert (first.change, last.change) == (ChangeOfState.ACKNOWLEDGED, ChangeOfState.RESOLVED)
    assert not is_announced(first)
    assert not is_announced(last)


def test_known_drift_that_expires_is_notified_of() -> None:
    here, none = frozenset({0}), frozenset[int]()
    log = play([(here, here, none, 1), (here, none, none, 1), (none, none, none, 1)])
    found = [item for _, transitions in log for item in transitions]
    assert [item.change.value for item in found] == ["acknowledged", "expired", "resolved"]
    assert [is_announced(item) for item in found] == [False, True, True]


def test_an_open_finding_that_becomes_known_drift_is_acknowledged_once() -> None:
    here, none = frozenset({0}), frozenset[int]()
    log = play([(here, none, none, 1), (here, here, none, 1), (here, here, none, 1)])
    assert [item.change.value for _, found in log for item in found] == ["opened", "acknowledged"]
