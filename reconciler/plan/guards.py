"""Guards: what a plan must not do without somebody saying so by name.

Every guard fails closed: one that cannot be computed refuses. Each is a function of the facts below and gives the
refusals that it finds; `GUARDS` is the table of them. A waiver (`--waive CODE=REASON`) lets one code pass and is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from reconciler.model.address import kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan, Refusal
from reconciler.plan.batches import in_batches, shortfalls
from reconciler.plan.coverage import coverage_of
from reconciler.plan.drains import given_back
from reconciler.plan.windows import is_open

_TOUCHING = (Action.UPDATE, Action.REPLACE, Action.DELETE, Action.TAKEOVER, Action.UPGRADE)
_ENDING = (Action.DELETE, Action.REPLACE, Action.TAKEOVER)


@dataclass(frozen=True, slots=True)
class Facts:
    """What guards judge by. `now` has a time zone; `complete` asks for a plan without unknowns."""

    plan: Plan
    inventory: Inventory
    live: Live
    now: datetime
    complete: bool = False

    def changes(self, *actions: Action) -> list[Change]:
        return [change for change in self.plan.changes if change.action in actions and not change.blocked]

    @property
    def ours(self) -> int:
        """How many live objects this inventory declares or created: what percentages are of."""
        return sum(
            1
            for where, found in self.live.resources.items()
            if where in self.inventory.resources or found.owner == self.inventory.name
        )


def limit_of(limit: int | str, total: int) -> int:
    """`3` or `50%` of `total`, rounded down but at least 1, since a small fleet could never change otherwise; `0%` is
    0. Raises ValueError for anything else."""
    if isinstance(limit, int) and not isinstance(limit, bool):
        return limit
    text = str(limit).strip()
    if not text.endswith("%"):
        return int(text)
    percent = float(text[:-1])
    if not 0 <= percent <= 100:
        raise ValueError(f"{limit} is not between 0% and 100%")
    return 0 if percent == 0 else max(1, int(total * percent / 100))


def _max_deletes(facts: Facts) -> Iterable[Refusal]:
    return _too_many("max-deletes", "delete", facts.inventory.policy.max_deletes, facts.changes(*_ENDING), facts.ours)


def _max_changes(facts: Facts) -> Iterable[Refusal]:
    limit = facts.inventory.policy.max_changes
    return _too_many("max-changes", "change", limit, facts.changes(*_TOUCHING), facts.ours)


def _too_many(code: str, verb: str, limit: int | str, changes: list[Change], total: int) -> Iterable[Refusal]:
    objects = sorted({change.address for change in changes if kind_of(change.address) != "host"})
    try:
        allowed = limit_of(limit, total)
    except ValueError as error:
        yield Refusal(code, f"the limit cannot be computed: {error}")
        return
    if len(objects) > allowed:
        detail = f"it would {verb} {len(objects)} of {total} existing objects, and {limit} is allowed"
        yield Refusal(code, detail, tuple(objects))


def _protected(facts: Facts) -> Iterable[Refusal]:
    for change in facts.changes(*_ENDING):
        for pattern in facts.inventory.policy.protect:
            if fnmatchcase(change.address, pattern):
                yield Refusal("protected", f"{change.address} is protected ({pattern})", (change.address,))
                break


def _empty_inventory(facts: Facts) -> Iterable[Refusal]:
    declared = [found for found in facts.inventory.resources.values() if kind_of(found.address) != "organization"]
    if not declared and facts.ours:
        yield Refusal("empty-inventory", f"the inventory declares nothing, and {facts.ours} live objects are its own")


def _windows(facts: Facts) -> Iterable[Refusal]:
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


def _takeover(facts: Facts) -> Iterable[Refusal]:
    for change in facts.changes(Action.TAKEOVER):
        yield Refusal("takeover", f"{change.address} belongs to another server", (change.address,))


def _replace(facts: Facts) -> Iterable[Refusal]:
    for change in facts.changes(Action.REPLACE):
        paths = ", ".join(item.path for item in change.fields)
        yield Refusal("replace", f"{change.address} would be removed and added again ({paths})", (change.address,))


def _last_proxy(facts: Facts) -> Iterable[Refusal]:
    """No organization loses its last proxy: what it is processed by now, less what goes."""
    going = {name_of(change.address) for change in facts.changes(*_ENDING) if kind_of(change.address) == "proxy"}
    going |= {name_of(change.address) for change in facts.changes(*_ENDING) if kind_of(change.address) == "pool"}
    if not going:
        return
    for found in facts.live.resources.values():
        if found.kind != "organization":
            continue
        serving = found.fields.get("proxies")
        if not isinstance(serving, list):
            yield Refusal("last-proxy", f"it is not known which proxies process {found.name}", tuple(sorted(going)))
        elif serving and set(serving) <= going:
            lost = tuple(f"proxy.{name}" for name in sorted(serving))
            yield Refusal("last-proxy", f"{found.name} would lose its last proxy", lost)


def _coverage(facts: Facts) -> Iterable[Refusal]:
    """Batches keep organizations served where there is anybody else to serve them; here there is nobody."""
    try:
        coverage = coverage_of(facts.inventory, facts.live).returned(given_back(facts.plan.changes))
        batches = in_batches(facts.plan.changes, coverage)
        short = shortfalls(batches, coverage)
    except ValueError as error:
        yield Refusal("coverage", f"the coverage cannot be computed: {error}")
        return
    touched = tuple(change.address for batch in batches for change in batch if set(short) & set(change.disrupts))
    if short:
        needed = facts.inventory.policy.coverage
        yield Refusal("coverage", f"{', '.join(short)} would have fewer than {needed} working proxies", touched)


def _incomplete(facts: Facts) -> Iterable[Refusal]:
    hidden = len(facts.plan.unknown) + len(facts.plan.problems)
    if facts.complete and hidden:
        yield Refusal("incomplete", f"a complete observation is required, and {hidden} things could not be observed")


GUARDS: Mapping[str, Callable[[Facts], Iterable[Refusal]]] = {
    "coverage": _coverage,
    "empty-inventory": _empty_inventory,
    "incomplete": _incomplete,
    "last-proxy": _last_proxy,
    "max-changes": _max_changes,
    "max-deletes": _max_deletes,
    "protected": _protected,
    "replace": _replace,
    "takeover": _takeover,
    "window": _windows,
}
"""Every guard by its code, in the order in which refusals are shown."""


def guarded(facts: Facts, waivers: Mapping[str, str]) -> Plan:
    """The plan with the refusals of all guards, those of waived codes marked with the reason given."""
    found = []
    for code, guard in GUARDS.items():
        found += [replace(refusal, waiver=waivers.get(code, "")) for refusal in guard(facts)]
    return replace(facts.plan, refusals=tuple(found))
