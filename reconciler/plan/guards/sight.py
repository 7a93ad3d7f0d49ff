"""When and on what knowledge: change windows, and observations that are not complete."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.plan import Refusal
from reconciler.plan.guards.facts import Facts
from reconciler.plan.windows import is_open


def window(facts: Facts) -> Iterable[Refusal]:
    windows = facts.inventory.policy.windows
    if not windows or not facts.plan.can_apply:
        return
    try:
        open_now = any(is_open(window, facts.now) for window in windows)
    except ValueError as error:
        yield Refusal("window", f"the change window cannot be computed: {error}")
        return
    if not open_now:
        names = ", ".join(f"{window.allow} for {window.hours:g} h ({window.zone})" for window in windows)
        yield Refusal("window", f"changes are allowed only in {names}")


def incomplete(facts: Facts) -> Iterable[Refusal]:
    hidden = len(facts.plan.unknown) + len(facts.plan.problems)
    if facts.complete and hidden:
        yield Refusal("incomplete", f"a complete observation is required, and {hidden} things could not be observed")
