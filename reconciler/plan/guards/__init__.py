"""Guards: what a plan must not do without somebody saying so by name.

Every guard fails closed: one that cannot be computed refuses. Each is a function of the facts and gives the refusals
that it finds; `GUARDS` is the table of them. A waiver (`--waive CODE=REASON`) lets one code pass and is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Plan, Refusal
from reconciler.plan.guards.ending import force, protected, replaces, takeover
from reconciler.plan.guards.facts import Facts
from reconciler.plan.guards.limits import empty_inventory, limit_of, max_changes, max_deletes
from reconciler.plan.guards.service import coverage, last_proxy
from reconciler.plan.guards.sight import incomplete, window

GUARDS: Mapping[str, Callable[[Facts], Iterable[Refusal]]] = {
    "coverage": coverage,
    "empty-inventory": empty_inventory,
    "force": force,
    "incomplete": incomplete,
    "last-proxy": last_proxy,
    "max-changes": max_changes,
    "max-deletes": max_deletes,
    "protected": protected,
    "replace": replaces,
    "takeover": takeover,
    "window": window,
}
"""Every guard by its code, in the order in which refusals are shown."""


def guarded(facts: Facts, waivers: Mapping[str, str], *, again: bool = False) -> Plan:
    """The plan with the refusals of all guards, those of waived codes marked with the reason given. A waiver that
    nothing needs is a warning: it may outlive its reason in somebody's pipeline. When one looks `again`, after the
    changes were done, none is needed any more."""
    found = []
    for code, guard in GUARDS.items():
        found += [replace(refusal, waiver=waivers.get(code, "")) for refusal in guard(facts)]
    idle = [] if again else sorted(set(waivers) - {refusal.code for refusal in found})
    problems = (*facts.plan.problems, *(_not_needed(code) for code in idle))
    return replace(facts.plan, refusals=tuple(found), problems=problems)


def _not_needed(code: str) -> Diagnostic:
    return Diagnostic(
        code="waiver-not-needed",
        summary="Waiver not needed",
        detail=f"The guard `{code}` refuses nothing in this plan, and it was waived.",
        fix=f"Leave --waive {code}=… out.",
        severity=Severity.WARNING,
    )


__all__ = ["GUARDS", "Facts", "guarded", "limit_of"]
