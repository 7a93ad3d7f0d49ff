"""Part of a plan: `--target` and `--exclude`, with globs of addresses and `@group` for the proxies of a group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.address import fits, kind_of, name_of
from reconciler.model.plan import Action, Change, Plan, Report
from reconciler.model.sentences import nearest
from reconciler.plan.pools import upgraded_together

NO_RUN: Final = "no-run"
"""The code of the report that no job is started, on purpose: a job that only is not selected is started later."""


class UnknownTarget(ValueError):
    """A pattern that matches nothing, probably a typing error, so nothing is done. `near` is the closest address."""

    def __init__(self, text: str, near: str, pattern: str) -> None:
        super().__init__(text)
        self.near, self.pattern = near, pattern


def select(
    plan: Plan,
    known: Sequence[str],
    *,
    targets: Sequence[str] = (),
    excludes: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    runs: bool = True,
) -> Plan:
    """`plan` with the changes of `targets` and their dependencies, without those of `excludes` and their dependents.
    A pool is upgraded as a whole or not at all. Without `runs` no job is started, and nothing waits for one.

    `known` are all addresses, declared or live. Reports count what was left out. Raises UnknownTarget for a pattern
    that matches none of them.
    """
    if not targets and not excludes and runs:
        return plan
    _check((*targets, *excludes), known, groups or {})
    kept = {change.key for change in plan.changes}
    if targets:
        pool_members = upgraded_together(plan.changes)
        meant = _Meant(targets, groups or {})
        wanted = [change for change in plan.changes if change.address in meant]
        following = _closure(
            wanted, lambda change: {*change.depends_on, *pool_members.get(change.key, ())}, plan.changes
        )
        kept &= following
    if excludes:
        meant = _Meant(excludes, groups or {})
        unwanted = {change.key for change in plan.changes if change.address in meant}
        kept &= {change.key for change in independent_of(plan.changes, unwanted)}
    selected = {*kept}
    if not runs:
        kept -= {change.key for change in plan.changes if change.action is Action.RUN}
    changes = tuple(without_runs(change) if not runs else change for change in plan.changes if change.key in kept)
    out = tuple(change.key for change in plan.changes if change.key not in kept)
    options = [*(f"--target {item}" for item in targets), *(f"--exclude {item}" for item in excludes)]
    reports = (*plan.reports, *_left_out(len(plan.changes) - len(selected), " ".join(options)))
    if not runs:
        reports = (*reports, _not_started(len(selected - kept)))
    return replace(plan, changes=changes, reports=reports, not_selected=(*plan.not_selected, *out))


def independent_of(changes: Sequence[Change], unwanted: Collection[str]) -> tuple[Change, ...]:
    """The changes without those with the keys `unwanted`, their dependents, and the pools of those."""
    waiting, pool_members = _dependents(changes), upgraded_together(changes)
    begin = [change for change in changes if change.key in unwanted]
    out = _closure(begin, lambda change: {*waiting[change.key], *pool_members.get(change.key, ())}, changes)
    return tuple(change for change in changes if change.key not in out)


def _left_out(count: int, options: str) -> tuple[Report, ...]:
    some = "1 change was" if count == 1 else f"{count} changes were"
    return (Report("plan", "selection", f"{some} left out by {options}"),) if count else ()


def _not_started(count: int) -> Report:
    some = "1 start of a job was" if count == 1 else f"{count or 'no'} starts of jobs were"
    return Report("plan", NO_RUN, f"{some} left out by --no-run: schedules run the jobs")


def outside(
    targets: Sequence[str], excludes: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> Callable[[str], bool]:
    """Whether an object is not selected itself. Its changes may be, as others depend on them."""
    wanted, unwanted = _Meant(targets, groups), _Meant(excludes, groups)
    return lambda where: where in unwanted or (bool(targets) and where not in wanted)


def without_runs(change: Change, kept: Collection[str] = ()) -> Change:
    """`change` without its dependencies on runs of jobs, except those in `kept`."""
    needs = tuple(key for key in change.depends_on if key in kept or not key.startswith(f"{Action.RUN}:"))
    return change if needs == change.depends_on else replace(change, depends_on=needs)


def _dependents(changes: Sequence[Change]) -> Mapping[str, Sequence[str]]:
    """By key, the changes that depend on it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for change in changes:
        for key in change.depends_on:
            found[key].append(change.key)
    return found


def _closure(start: Sequence[Change], following: Callable[[Change], set[str]], changes: Sequence[Change]) -> set[str]:
    by_key: dict[str, Change] = {change.key: change for change in changes}
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        change = waiting.pop()
        if change.key not in found:
            found.add(change.key)
            waiting += [by_key[key] for key in sorted(following(change)) if key in by_key]
    return found


class _Meant:
    """The addresses that patterns mean. Those without a glob are looked up: thousands may be given."""

    def __init__(self, patterns: Sequence[str], groups: Mapping[str, Sequence[str]]) -> None:
        self._named = frozenset(patterns)
        self._globs = [pattern for pattern in patterns if _is_glob(pattern)]
        asked = [groups.get(pattern[1:], ()) for pattern in patterns if pattern.startswith("@")]
        self._members = frozenset(name for members in asked for name in members)

    def __contains__(self, where: str) -> bool:
        if where in self._named or any(fits(where, pattern) for pattern in self._globs):
            return True
        return bool(self._members) and kind_of(where) in ("proxy", "host") and name_of(where) in self._members


def _is_glob(pattern: str) -> bool:
    return not pattern.startswith("@") and any(sign in pattern for sign in "*?[")


def _check(patterns: Sequence[str], known: Sequence[str], groups: Mapping[str, Sequence[str]]) -> None:
    names = frozenset(known)
    for pattern in patterns:
        if pattern.startswith("@"):
            if pattern[1:] not in groups:
                near = _near(pattern, [f"@{name}" for name in groups])
                raise UnknownTarget(f"Group {pattern[1:]!r} does not exist", near, pattern)
        elif pattern not in names and not (_is_glob(pattern) and any(fits(where, pattern) for where in known)):
            near = _near(pattern, known)
            raise UnknownTarget(f"{pattern!r} does not match any declared or live address", near, pattern)


def _near(pattern: str, known: Sequence[str]) -> str:
    """The address that is most similar to `pattern`, or whose name it is; proxies precede their hosts."""
    named = [where for where in known if name_of(where) == pattern and pattern != where]
    return next(iter(sorted(named, key=lambda where: kind_of(where) == "host")), "") or nearest(pattern, known)
