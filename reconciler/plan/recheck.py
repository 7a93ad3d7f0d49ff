"""Which changes of a saved plan may still be made: each is compared with a new plan from the same inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from reconciler.model.live import INCOMPLETE
from reconciler.model.plan import Action, Cause, Change, ChangeKey, Plan, Reason
from reconciler.model.step import Step
from reconciler.model.steps import RunJob
from reconciler.plan.document import change_to_json
from reconciler.plan.maintenance import MAINTENANCE, only_restores, restores
from reconciler.plan.selection import without_runs

_SAME = ("address", "action", "precondition", "steps")
_SHOWN = ("path", "before", "after", "secret", "unknown")
"""What a plan shows of a field, beside its cause: that depends on what the journal remembers."""


_UNVERIFIED: Final = Cause(Reason.CHAIN, "the interrupted run changed it, and did not read it back")


@dataclass(frozen=True, slots=True)
class Stale:
    """A change that is refused because the live state changed after approval."""

    key: str
    address: str
    why: str
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recheck:
    """`plan` has the approved changes that still apply. `done` are keys of changes that are not needed anymore; `extra`
    are keys of the new plan that were not approved, and are not applied."""

    plan: Plan
    stale: tuple[Stale, ...]
    done: tuple[str, ...]
    extra: tuple[str, ...]


def recheck(
    saved: Iterable[Mapping[str, Any]],
    fresh: Plan,
    begun: Collection[str] = (),
    *,
    resumed: bool = False,
    unverified: Mapping[str, Sequence[Step]] | None = None,
) -> Recheck:
    """`saved` are the changes of a plan file in its JSON form. `begun` are keys of those that an earlier run may have
    applied in part: it is enough that what remains of them was approved. If that run is `resumed`, maintenance
    mode that it set is cleared as well. `unverified` are the steps, by key, that verify what it sent and did not read
    back: they come first, also in changes that are not needed anymore."""
    now: dict[ChangeKey, Change] = {change.key: change for change in fresh.changes}
    approved = list(saved)
    names = {str(item["key"]) for item in approved}
    kept = {key: change for key, change in now.items() if resumed and key not in names and only_restores(change)}
    begun = {*begun, *(key for key, change in now.items() if resumed and restores(change))}
    names |= kept.keys()
    incomplete = any(problem.code == INCOMPLETE for problem in fresh.problems)
    stale: dict[str, Stale] = {}
    done: list[str] = []
    for old in approved:
        key = ChangeKey.parse(str(old["key"]))
        change, first = now.get(key), tuple((unverified or {}).get(key, ()))
        if change is None and incomplete:
            stale[key] = Stale(key, str(old["address"]), "the observation is incomplete: its object is not shown")
            continue
        if change is None and first:
            kept[key] = Change(str(old["address"]), Action(old["action"]), (), _UNVERIFIED, first)
            continue
        if change is None:
            done.append(key)
            continue
        new = change_to_json(change)
        differences = () if key in begun and _is_part(new, old) else _differences(old, new)
        waits = sorted(set(change.depends_on) & set(stale))
        change = without_runs(change, kept=names)  # with --no-run a plan has none
        unapproved = sorted(set(change.depends_on) - names)
        if differences:
            stale[key] = Stale(key, change.address, "the live state changed after approval", differences)
        elif waits:
            stale[key] = Stale(key, change.address, f"it depends on {stale[waits[0]].address}, which is refused")
        elif unapproved:
            stale[key] = Stale(key, change.address, f"it now depends on {unapproved[0]}, which was not approved")
        else:
            kept[key] = replace(change, steps=(*first, *change.steps))
    extra = tuple(key for key in now if key not in names)
    left = tuple(key for key in now if key not in kept)
    plan = replace(fresh, changes=tuple(kept.values()), not_approved=left)
    return Recheck(plan, tuple(stale.values()), tuple(done), extra)


def _is_part(left: Mapping[str, Any], approved: Mapping[str, Any]) -> bool:
    """Whether every remaining field becomes what was approved. Its current value does not matter: the interrupted run
    may have set it."""
    wanted = {item["path"]: item["after"] for item in approved.get("fields", ())}
    mine = [item for item in left["fields"] if item["path"] != MAINTENANCE]
    fields = all(wanted.get(item["path"], ...) == item["after"] for item in mine)
    return fields and bool(left["blocked"]) == bool(approved.get("blocked"))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The differences between the approved change and the one that is needed now, as sentences."""
    then = {item["path"]: (item["before"], item["after"]) for item in old.get("fields", ())}
    now = {item["path"]: (item["before"], item["after"]) for item in new.get("fields", ())}
    found = []
    for path in sorted({*then, *now}):
        if then.get(path) == now.get(path):
            continue
        if path not in now:
            found.append(f"{path}: already has the approved value {then[path][1]}")
        elif path not in then:
            found.append(f"{path}: now differs as well, {now[path][0]} instead of {now[path][1]}")
        elif then[path][0] == now[path][0]:
            found.append(f"{path}: approved value {then[path][1]}, desired value now {now[path][1]}")
        else:
            found.append(f"{path}: live value was {then[path][0]} at approval, is now {now[path][0]}")
    if lost := sorted(set(new.get("disrupts", ())) - set(old.get("disrupts", ()))):
        found.append(f"it now disrupts {', '.join(lost)}, which was not approved")
    if not found and (any(_part(old, part) != _part(new, part) for part in _SAME) or _shown(old) != _shown(new)):
        found.append("another property of the object changed after approval")
    if not found and bool(old.get("blocked")) != bool(new.get("blocked")):
        found.append(f"it is now blocked: {new['blocked']}" if new.get("blocked") else "it was blocked at approval")
    return tuple(found)


def _part(change: Mapping[str, Any], name: str) -> Any:
    """Whether the run of a job is a full backup follows from what was applied before it, so it is not part of what
    was approved: the repository that an interrupted run created is there by now."""
    if name != "steps":
        return change.get(name)
    return [
        {**step, "params": {key: value for key, value in step.get("params", {}).items() if key != "first"}}
        if step.get("verb") == RunJob.verb
        else step
        for step in change.get(name, ())
    ]


def _shown(change: Mapping[str, Any]) -> list[list[Any]]:
    return [[item.get(part) for part in _SHOWN] for item in change.get("fields", ())]
