"""Records what was applied, change by change, so that a killed run loses nothing: the digests of applied values, ids of
objects, the jobs that have no result yet, and the proxies that are drained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from reconciler.journal import JournalError
from reconciler.kinds import KINDS
from reconciler.model.address import Address, address, kind_of, name_of
from reconciler.model.event import ChangeEnded, Due, Event, Outcome, StepDone, StepStarted
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.recall import Identity, Recall
from reconciler.model.step import Step
from reconciler.model.steps import (
    ChangeObjectStorage,
    ClearMaintenance,
    CreateObject,
    DeleteObject,
    EnterMaintenance,
    UpdateObject,
    UpgradeProxy,
)
from reconciler.plan import interrupted
from reconciler.plan.compare import applied_digests
from reconciler.plan.guards.context import ENDING
from reconciler.plan.job_runs import LEFT_OUT, PENDING, begun_after, runs_left_out
from reconciler.plan.maintenance import DRAINED, MARK, UPGRADING, mark_of, restores

if TYPE_CHECKING:
    from reconciler.journal import AppliedState
    from reconciler.kinds.naming import Naming


_CREATING: Final = (Action.CREATE, Action.REPLACE, Action.TAKEOVER)
"""Actions after which an object has another id, and the mark of the inventory."""
_SENDING: Final = (*_CREATING, Action.UPDATE)
"""Actions after which the server has every field as declared. An upgrade or a run may be done before that."""
_OVER: Final = (Outcome.DONE, Outcome.FAILED)


class AppliedStateRecorder:
    """Call `begin` before an apply, give `permit` and `listen` to the engine, and call `settle` with the plan that is
    made afterwards. `live` is what the plan was made from.

    `begin`, `permit` and `settle` raise JournalError. What `listen` cannot write is kept, and written with what comes
    next.
    """

    def __init__(
        self, inventory: Inventory, live: Live, recall: Recall, applied_state: AppliedState, scope: str
    ) -> None:
        self._inventory = inventory
        self._live = live
        self._recall = recall
        self._applied_state = applied_state
        self._scope = scope
        self._changes: dict[str, Change] = {}
        self._pending: dict[str, str] = {}
        self._begun: set[str] = set()
        self._writing = Lock()
        self._stored: dict[str, Mapping[str, str]] = dict(recall.applied)
        self._unwritten: dict[str, Mapping[str, str] | None] = {}
        self._naming: Naming | None = None
        self._identities: dict[str, Identity] = dict(recall.identities)
        self._unidentified: dict[str, Identity] = {}
        self._by_id: dict[str, dict[str, None]] = {}
        self._index(self._identities)

    @property
    def begun(self) -> frozenset[str]:
        """The marks of what an earlier apply began, and has no result of."""
        return interrupted.begun(self._recall)

    def begin(self, plan: Plan, naming: Naming | None = None) -> None:
        """Mark the jobs that will be started, and those that are downstream of what is changed but blocked or not
        selected; the mark is cleared when they have a result. `naming` learns the ids of the objects that the apply
        creates."""
        self._naming = naming
        self._changes = {change.key: change for change in plan.changes}
        runs = [change for change in plan.changes if change.action is Action.RUN]
        blocked = {change.address for change in runs if change.blocked}
        left = runs_left_out(plan, self._inventory)
        marked = {where: row[PENDING] for where in blocked if PENDING in (row := self._stored.get(where, {}))}
        starts = [change.address for change in runs if not change.blocked or change.address in left]
        starts += [key.address for key in plan.asleep if key.action == Action.RUN]
        self._pending = marked | dict.fromkeys(left, LEFT_OUT) | dict.fromkeys(starts, "pending")
        self._write({where: {**self._stored.get(where, {}), PENDING: mark} for where, mark in self._pending.items()})

    def permit(self, event: StepStarted) -> None:
        """Record the start of a job, of a drain, and of what makes, upgrades or removes a proxy, before they happen."""
        step = self._step(event)
        if event.key.action == Action.RUN:
            self._begin_run(event.key.address)
        if isinstance(step, EnterMaintenance):
            why = UPGRADING if event.key.action == Action.UPGRADE else "by an apply"
            self._applied_state.remember(self._scope, {mark_of(step.name): {DRAINED: why}})
        if isinstance(step, (UpdateObject, ChangeObjectStorage)):
            self._begin_sending(event.key.address, step.changed)
        if isinstance(step, CreateObject) and step.kind == "proxy":
            secrets = interrupted.sent(self._recall, step.name, self._recall.secrets.get(event.key.address, {}))
            self._applied_state.remember(self._scope, interrupted.marks(interrupted.CREATING, step.name, secrets))
        if isinstance(step, UpgradeProxy):
            self._applied_state.remember(self._scope, interrupted.marks(interrupted.UPGRADING, step.name))
        if isinstance(step, DeleteObject) and step.kind == "proxy":
            self._applied_state.remember(
                self._scope, interrupted.marks(interrupted.DELETING, name_of(event.key.address))
            )

    def listen(self, event: Event) -> None:
        with suppress(JournalError):
            if isinstance(event, StepDone) and isinstance(step := self._step(event), ClearMaintenance):
                self._applied_state.forget(self._scope, mark_of(step.name))
            elif isinstance(event, ChangeEnded):
                self._end(event)

    def settle(self, plan: Plan, live: Live | None = None) -> None:
        """Record everything that `plan`, made after the apply from `live`, finds as declared: later differences from it
        are drift. Clear the marks of proxies that it does not find in maintenance mode."""
        drained = {mark_of(name_of(change.address)) for change in plan.changes if restores(change)}
        differs = {change.address for change in plan.changes} | {item.address for item in plan.problems}
        differs |= {key.address for key in plan.asleep}
        self._live = live or self._live
        over = []
        for where in self._recall.applied:
            proxy = address("proxy", name_of(where))
            found = self._live.resources.get(proxy)
            done = kind_of(where) in (interrupted.CREATING, interrupted.UPGRADING) and proxy not in differs
            made = done and found is not None
            deleted = kind_of(where) == interrupted.DELETING and (found is None or found.proxy.is_online)
            if made or deleted or (kind_of(where) == MARK and where not in drained):
                over.append(where)
        self._naming = None
        self._store([where for where in self._inventory.resources if where not in differs], settled=True)
        self._applied_state.forget(self._scope, *over)

    def _step(self, event: StepStarted | StepDone) -> Step | None:
        change = self._changes.get(event.key)
        return change.steps[event.index] if change is not None else None

    def _end(self, event: ChangeEnded) -> None:
        if event.due is Due.RESULT:
            return  # the mark says that it was begun
        self._record(event)
        self._forget_marks(event)  # last: a kill in between leaves both, which is less than neither

    def _forget_marks(self, event: ChangeEnded) -> None:
        work = interrupted.UPGRADING if event.action == Action.UPGRADE else interrupted.CREATING
        makes = event.action in _CREATING or event.action == Action.UPGRADE
        if kind_of(event.address) == "proxy" and makes and event.outcome in _OVER:
            mark = interrupted.mark_of(work, name_of(event.address))
            # That this attempt failed says nothing of an earlier one: the server may still be at work on it. Nor does
            # it say that nothing was created: it may have failed afterwards.
            exists = self._naming is not None and self._naming.has("proxy", name_of(event.address))
            is_over = mark not in self._recall.applied and not (exists and work == interrupted.CREATING)
            if event.outcome is Outcome.DONE or is_over:
                self._applied_state.forget(self._scope, mark)
        if kind_of(event.address) == "proxy" and event.action in ENDING and event.outcome is Outcome.DONE:
            self._applied_state.forget(self._scope, interrupted.mark_of(interrupted.DELETING, name_of(event.address)))

    def _record(self, event: ChangeEnded) -> None:
        if event.action == Action.RUN and event.outcome in (Outcome.DONE, Outcome.FAILED) and not event.due:
            self._pending.pop(event.address, None)
            kept = self._stored.get(event.address, {})
            self._write({event.address: {name: value for name, value in kept.items() if name != PENDING}})
        elif event.action == Action.RUN and event.address in self._begun:
            self._pending[event.address] = "pending"  # its start was recorded, and did not happen
            self._write({event.address: {**self._stored.get(event.address, {}), PENDING: "pending"}})
        elif event.outcome is Outcome.DONE and event.action == Action.DELETE:
            self._write({event.address: None})
        elif event.outcome is Outcome.DONE and event.action == Action.ADOPT:
            self._adopted(event.address)
        elif event.outcome is Outcome.DONE and event.action in _SENDING:
            self._store([event.address], created=event.action in _CREATING)

    def _adopted(self, where: str) -> None:
        """Only whose object it is: its other fields were not applied."""
        found = self._live.resources.get(Address(where))
        if found is not None and found.id:
            self._write({}, {where: Identity(found.id, True)})

    def _begin_run(self, where: str) -> None:
        found = self._live.resources.get(Address(where))
        self._begun.add(where)
        self._pending[where] = begun_after(found.job.last_run if found else None)
        self._write({where: {**self._stored.get(where, {}), PENDING: self._pending[where]}})

    def _begin_sending(self, where: str, changed: Collection[str]) -> None:
        """Until there is a result the server may have the secret of before or the new one: one is sent again, also if
        the inventory returns to that of before."""
        kept, now = self._stored.get(where, {}), self._recall.secrets.get(where, {})
        unsure = {name for name in changed if name in now and kept.get(name) != now[name]}
        if unsure:
            self._write({where: {**kept, **dict.fromkeys(sorted(unsure), interrupted.ONE_OF_TWO)}})

    def _store(self, addresses: list[Address] | list[str], *, created: bool = False, settled: bool = False) -> None:
        """`settled`: no start is due that an earlier apply left. Until that is known its mark stays, also where this
        apply does not make the start: it may be stale, or not selected."""
        rows: dict[str, dict[str, str] | None] = {}
        known: dict[str, Identity] = {}
        for where in addresses:
            resource = self._inventory.resources.get(Address(where))
            if resource is None:
                continue
            mark = self._pending.get(where) or ("" if settled else self._stored.get(where, {}).get(PENDING))
            rows[where] = {**applied_digests(resource, self._recall), **({PENDING: mark} if mark else {})}
            if (identity := self._identity(resource, created=created)) is not None:
                known[where] = identity
                rows |= dict.fromkeys(self._former_addresses(resource, identity))
        rows = {where: row for where, row in rows.items() if row is None or self._stored.get(where) != row}
        self._write(rows, {where: item for where, item in known.items() if self._identities.get(where) != item})

    def _identity(self, resource: Resource, *, created: bool) -> Identity | None:
        """Which object of the server a declared one is; None if it has no id, or none is known."""
        found = self._live.resources.get(resource.address)
        if KINDS[resource.kind].singleton:
            return None
        if created:
            known = self._naming is not None and self._naming.has(resource.kind, resource.name)
            return Identity(self._naming.id_of(resource.kind, resource.name), True) if self._naming and known else None
        if found is None or not found.id:
            return None
        return Identity(found.id, found.owner == self._inventory.name)

    def _former_addresses(self, resource: Resource, identity: Identity) -> list[str]:
        """Addresses that stood for the same object, and are not declared any more."""
        wanted = identity.id.lower()
        return [
            where
            for where in list(self._by_id.get(wanted, ()))
            if (item := self._identities.get(where)) is not None
            and item.id.lower() == wanted
            and kind_of(where) == resource.kind
            and Address(where) not in self._inventory.resources
        ]

    def _index(self, identities: Mapping[str, Identity]) -> None:
        for where, item in identities.items():
            self._by_id.setdefault(item.id.lower(), {})[where] = None

    def _write(self, rows: Mapping[str, Mapping[str, str] | None], known: Mapping[str, Identity] | None = None) -> None:
        """Write these rows, and those that could not be written before; None stands for a row to delete."""
        with self._writing:
            self._unwritten |= rows
            self._unidentified |= known or {}
            kept = {where: row for where, row in self._unwritten.items() if row is not None}
            self._applied_state.remember(self._scope, kept, self._unidentified)
            gone = self._unwritten.keys() - kept.keys()
            self._applied_state.forget(self._scope, *gone)
            for where in gone:
                self._stored.pop(where, None)
                self._identities.pop(where, None)
            self._stored |= kept
            self._identities |= self._unidentified
            self._index(self._unidentified)
            self._unwritten, self._unidentified = {}, {}
