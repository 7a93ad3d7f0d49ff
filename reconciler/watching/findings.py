"""What an observation finds, and what it looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.address import address
from reconciler.model.finding import WHOLE, Coverage, Finding, FindingKind
from reconciler.plan.repository_states import INVALID, OUT_OF_SYNC
from reconciler.render.style import clean
from reconciler.render.values import change_text

if TYPE_CHECKING:
    from reconciler.operations.observing import Observation

Data = Mapping[str, Any]

FAILED: Final = "observation"
"""The subject of the finding that a server could not be observed at all."""
_STATES: Final = (INVALID, OUT_OF_SYNC)
"""Reports that are drift of a repository's state as well."""
_LONGEST: Final = 500
_MASK: Final = "(secret)"


def findings_of(observation: Observation) -> list[Finding]:
    """In the order of their keys, each key once."""
    drift = observation.drift
    pending = {item.key for change in observation.pending["changes"] for item in _of_change(change)}
    changes = (item for change in drift["changes"] for item in _of_change(change))
    made = [replace(item, accepted=item.key not in pending) for item in changes]
    made += [_of_problem(item) for item in drift["problems"]]
    made += [
        _of_report(item) for item in drift["reports"] if item["level"] == "warning" and item["code"] not in _STATES
    ]
    return _each_once(made)


def failure(text: str) -> Finding:
    """That a server could not be observed."""
    return Finding(FindingKind.PROBLEM, WHOLE, FAILED, "high", _short(text))


def coverage_of(observation: Observation) -> Coverage:
    """What was looked at. A host that does not answer hides what is found on it, and whether its proxy agrees."""
    drift, gaps = observation.drift, observation.live.gaps
    unseen = {name for name, host in observation.live.hosts.items() if host.problem is not None}
    away = {item["address"] for item in drift["problems"] if item["address"]}
    hidden = {*away, *(address("host", name) for name in unseen), *(gap.address for gap in gaps if gap.address)}
    return Coverage(
        incomplete=any(not gap.address for gap in gaps),
        hidden=frozenset(hidden),
        part=frozenset(address("proxy", name) for name in unseen),
        fields=frozenset((item["address"], item["path"]) for item in drift["unknown"]),
    )


def _of_change(change: Data) -> Iterator[Finding]:
    """A finding for each field of an update, or one for the change as a whole."""
    where = change["address"]
    if change["action"] == "update" and change["fields"]:
        for item in change["fields"]:
            values = _MASK if item["secret"] else change_text(item["before"], item["after"])
            yield Finding(FindingKind.DRIFT, where, item["path"], item["severity"], _short(values))
        return
    kind = FindingKind.OUTDATED if change["action"] == "upgrade" else FindingKind.DRIFT
    text = change["cause"]["detail"] or f"{change['action']} is pending"
    yield Finding(kind, where, change["action"], change["severity"], _short(text))


def _of_problem(item: Data) -> Finding:
    severity = "high" if item["severity"] == "error" else "low"
    return Finding(FindingKind.PROBLEM, item["address"] or WHOLE, item["code"], severity, _short(item["detail"]))


def _of_report(item: Data) -> Finding:
    return Finding(FindingKind.WARNING, item["address"], item["code"], "low", _short(item["detail"]))


def _short(text: str) -> str:
    plain = " ".join(clean(text).split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def _each_once(found: Iterable[Finding]) -> list[Finding]:
    first: dict[str, Finding] = {}
    for item in found:
        first.setdefault(item.key, item)
    return [first[key] for key in sorted(first)]
