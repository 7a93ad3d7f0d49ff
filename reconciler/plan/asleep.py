"""Changes of proxies that are asleep, and changes that need one: they wait until a plan finds its host on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model.address import Address, address, kind_of, name_of
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Change, ChangeKey, Report
from reconciler.model.version import build_number
from reconciler.plan.passes import Inputs, PlanPart
from reconciler.plan.sleep_state import may_sleep

ASLEEP: Final = "asleep"
"""The code of the report of a proxy that sleeps."""
WAITS: Final = "waits-for-asleep"
"""The code of the report of another object whose changes wait."""
_JOBS: Final = ("job", "copy_job")
_NEW: Final = (Action.CREATE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """`part` is what is planned all the same; `changes` are those that wait."""

    part: PlanPart
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class _Needs:
    """Which sleeping proxies each change needs. `waiting` are the changes of repositories that wait, by their keys."""

    inputs: Inputs
    asleep: frozenset[str]
    waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, change: Change) -> tuple[str, ...]:
        kind, name = kind_of(change.address), name_of(change.address)
        if kind in ("proxy", "host"):
            return self._sleeping([name])
        if kind == "pool":
            return self._sleeping(_moving(change))
        if kind == "repository" and change.action is Action.UPGRADE:
            return self.behind(change.address) or self._late(change.address)
        if kind == "repository" and change.action is not Action.DELETE:
            return self.behind(change.address)
        if kind in _JOBS and change.action is not Action.DELETE:
            return self._of_job(change)
        return ()

    def behind(self, repository: str) -> tuple[str, ...]:
        """The sleeping proxies without which a repository cannot be used: its own, or all members of its pool."""
        inventory, live = self.inputs.inventory.resources, self.inputs.live.resources
        found = [item.get(Address(repository)) for item in (inventory, live)]
        return next((names for item in found if item is not None and (names := self._owned_by(item))), ())

    def _owned_by(self, repository: Resource | LiveResource) -> tuple[str, ...]:
        owner = str(repository.fields.get("owner") or "")
        if kind_of(owner) == "proxy":
            return self._sleeping([name_of(owner)])
        members = [name_of(item) for item in self.inputs.live_graph.uses(owner)] if owner else []
        return tuple(sorted(members)) if members and self.asleep >= set(members) else ()

    def _late(self, repository: str) -> tuple[str, ...]:
        """The sleeping members of the pool of a repository that is out of date which the pool waits for: they are not
        in maintenance mode, and not known to have the version of the server."""
        found, live = self.inputs.live.resources, self.inputs.live
        owner = str(found[Address(repository)].fields.get("owner") or "")
        members = [where for where in self.inputs.live_graph.uses(owner) if name_of(where) in self.asleep]
        states = {name_of(where): found[where].proxy for where in members}
        newest = build_number(live.server.build)
        late = (name for name, state in states.items() if not state.in_maintenance and not state.build >= newest)
        return tuple(sorted(name for name in late if states[name].outdated is not False))

    def _of_job(self, change: Change) -> tuple[str, ...]:
        stores = [where for where in self.inputs.declared_graph.chain(change.address) if kind_of(where) == "repository"]
        if change.action is Action.RUN and (names := next(filter(None, map(self.behind, stores)), ())):
            return names
        actions = (*_NEW, Action.UPGRADE) if change.action is Action.RUN else _NEW
        keys = [ChangeKey(action.value, where) for where in stores for action in actions]
        return next((self.waiting[key] for key in keys if key in self.waiting), ())

    def _sleeping(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(self.asleep & set(names)))


def _moving(pool: Change) -> set[str]:
    """The members that join or leave."""
    found = [(item.before, item.after) for item in pool.fields if item.path == "members"]
    return {name for before, after in found for name in set(before or ()) ^ set(after or ())}


def without_asleep(part: PlanPart, inputs: Inputs) -> Waiting:
    """What of a plan does not wait for a proxy that sleeps; reports name each of them, and what waits."""
    if not inputs.asleep:
        return Waiting(part)
    needs = _Needs(inputs, inputs.asleep)
    waiting: dict[str, list[Change]] = defaultdict(list)
    kept: list[Change] = []
    for change in sorted(part.changes, key=lambda item: kind_of(item.address) in _JOBS):
        if names := needs.of(change):
            waiting[change.address].append(change)
            needs.waiting |= {change.key: names} if kind_of(change.address) == "repository" else {}
        else:
            kept.append(change)
    permitted = {name for name in inputs.asleep if may_sleep(inputs.inventory.resources[address("proxy", name)])}
    hidden = {str(address(kind, name)) for kind in ("proxy", "host") for name in permitted}
    reports = [item for item in part.reports if item.address not in hidden]
    found = replace(
        part,
        changes=tuple(kept),
        reports=(*reports, *_reports(needs, waiting, permitted)),
        unknown=tuple(item for item in part.unknown if item.address not in hidden),
        problems=tuple(item for item in part.problems if item.address not in hidden),
    )
    return Waiting(found, tuple(change for changes in waiting.values() for change in changes))


def _reports(needs: _Needs, waiting: Mapping[str, list[Change]], permitted: set[str]) -> Iterator[Report]:
    declared = needs.inputs.inventory.resources
    for name in sorted(needs.asleep):
        proxy = address("proxy", name)
        changes = [*waiting.get(proxy, ()), *waiting.get(address("host", name), ())]
        yield Report(proxy, ASLEEP, _asleep(proxy, changes, needs, permitted), declared[proxy].position)
    for where, changes in sorted(waiting.items()):
        if kind_of(where) not in ("proxy", "host"):
            names = ", ".join(needs.of(changes[0]))
            verb = "is" if len(needs.of(changes[0])) == 1 else "are"
            detail = f"{_said(changes)}: waits for {names}, which {verb} asleep"
            yield Report(where, WAITS, detail, declared[Address(where)].position)


def _asleep(where: Address, changes: list[Change], needs: _Needs, permitted: set[str]) -> str:
    proxy = needs.inputs.live.resources[where].proxy
    why = "`sleep: allowed`" if name_of(where) in permitted else "off in maintenance mode"
    seen = ", though the server shows it online" if proxy.is_online else ""
    text = f"asleep ({why}): its host does not answer{seen}; nothing is observed or changed on it until it is on"
    text += f"; waiting: {_said(changes)}" if changes else ""
    late = proxy.pool and not proxy.in_maintenance and name_of(where) in permitted
    return f"{text}; it is not in maintenance mode, so after an upgrade its pool waits for it" if late else text


def _said(changes: Iterable[Change]) -> str:
    """`upgrade (service.version), update (throttle)`."""
    found = []
    for change in changes:
        paths = ", ".join(item.path for item in change.fields) if change.action is Action.UPDATE else ""
        found.append(f"{change.action.value} ({paths})" if paths else change.action.value)
    return ", ".join(found)
