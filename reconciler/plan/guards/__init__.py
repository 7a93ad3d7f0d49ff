"""Guards: what a plan must not do unless users waive the guard by name.

Every guard fails closed: one that cannot be computed refuses. Each is a function of the context that yields refusals;
`GUARDS` is the table of them. A waiver (`--waive CODE=REASON`) lets one code pass and is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Plan, Refusal
from reconciler.plan.guards.availability import coverage, last_proxy
from reconciler.plan.guards.context import GuardContext
from reconciler.plan.guards.destructive import adopt, force, protected, replaces, takeover
from reconciler.plan.guards.limits import empty_inventory, incomplete, limit_of, max_changes, max_deletes
from reconciler.plan.guards.trust import certificate
from reconciler.plan.guards.windows import window

GUARDS: Mapping[str, Callable[[GuardContext], Iterable[Refusal]]] = {
    "adopt": adopt,
    "certificate": certificate,
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

POLICY: Mapping[str, str] = {
    "coverage": "policy.coverage",
    "max-changes": "policy.max_changes",
    "max-deletes": "policy.max_deletes",
    "protected": "policy.protect",
    "window": "policy.windows",
}
"""By guard, the key of the inventory that says what it allows; the others have none."""


def guarded(context: GuardContext, waivers: Mapping[str, str], *, again: bool = False) -> Plan:
    """The plan with the refusals of all guards, those of waived codes marked with the reason given. An unused waiver is
    a warning: it may outlive its reason in a pipeline. The plan that verifies an apply (`again`) needs none."""
    found = []
    for code, guard in GUARDS.items():
        found += [replace(refusal, waiver=waivers.get(code, "")) for refusal in guard(context)]
    idle = [] if again else sorted(set(waivers) - {refusal.code for refusal in found})
    problems = (*context.plan.problems, *(_not_needed(code) for code in idle))
    return replace(context.plan, refusals=tuple(found), problems=problems)


def _not_needed(code: str) -> Diagnostic:
    return Diagnostic(
        code="waiver-not-needed",
        summary="Waiver not needed",
        detail=f"The guard `{code}` refuses nothing in this plan, and it was waived.",
        fix=f"Leave --waive {code}=… out.",
        severity=Severity.WARNING,
    )


__all__ = ["GUARDS", "POLICY", "GuardContext", "guarded", "limit_of"]
