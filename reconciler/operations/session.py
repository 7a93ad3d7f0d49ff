"""What an operation works with while it is connected: inventory, secrets, REST session, playbooks, journal.

A `Session` reads. Only `writer` and `apply_context` give access to a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reconciler.model.connection import ConnectionContext
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.login_gate import LoginGate
from reconciler.model.waiting import Waiting
from reconciler.operations.inventory_loader import load_playbooks
from reconciler.operations.paths import lab_folder
from reconciler.operations.request import PlanRequest
from reconciler.operations.runtime import Runtime

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from reconciler.apply import ApplyContext
    from reconciler.clients import vbo
    from reconciler.clients.cluster.cluster import Cluster
    from reconciler.journal import AppliedState, Journal
    from reconciler.model.connection import Access
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import Live
    from reconciler.model.plan import Plan
    from reconciler.model.recall import Memory, Recall
    from reconciler.model.secret import SecretResolver
    from reconciler.operations.lab import Lab
    from reconciler.plan.recheck import Recheck
    from reconciler.plan.selection import UnknownTarget
    from reconciler.requirements import Playbook


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan and what it was made from. `whole` is the plan before the selection, `checked` the comparison with the
    approved changes, if there are any. `scope` identifies the installation and the inventory in the journal."""

    live: Live
    recall: Recall
    plan: Plan
    scope: str
    whole: Plan
    checked: Recheck | None = None

    @property
    def differs(self) -> bool:
        """Whether the live state is not as declared, as far as it could be observed. Jobs that every apply starts are
        no difference."""
        return self.plan.has_errors or any(change.action.value != "run" for change in self.plan.changes)


@dataclass(frozen=True, slots=True)
class Session:
    """A connection to the management server of an inventory. `parallel` is how many hosts are read at a time.
    `runtime` is notified of what is waited for."""

    inventory: Inventory
    access: Access
    context: ConnectionContext
    rest: vbo.Session
    reader: vbo.Reader
    playbooks: Mapping[str, Playbook]
    journal: Journal
    lab: Lab | None
    parallel: int
    runtime: Runtime

    @property
    def clock(self) -> Callable[[], datetime]:
        return self.runtime.clock

    @property
    def applied_state(self) -> AppliedState:
        return self.journal.applied_state

    def plan(
        self,
        request: PlanRequest | None = None,
        *,
        since: Mapping[str, int] | None = None,
        verifies: bool = False,
        kept: bool = True,
    ) -> PlanResult:
        """Observe the server and the hosts, and plan what is requested. Guards judge only the changes that are left.

        `since` are request counts that do not belong to this observation; `verifies` is true after an apply. A plan
        that is not `kept` cannot be approved. Raises RemoteError if the server cannot be read, and Diagnosed for a
        selection that matches nothing.
        """
        from reconciler.observe import recall
        from reconciler.plan import make_plan
        from reconciler.plan.backups import with_backups
        from reconciler.plan.batches import DEFAULT, as_approved, batched
        from reconciler.plan.full_backups import with_full_backups
        from reconciler.plan.guards import GuardContext, guarded
        from reconciler.plan.recheck import recheck

        asked = request or PlanRequest()
        memory, state = self._memory(), self.applied_state
        width = self.parallel * self.context.width
        live = self._observe(self.inventory, self.access, memory, parallel=width, since=since, digests=kept)
        with self.runtime.waiting("Reading the journal"):
            known = recall(self.inventory, memory, access=self.access, context=self.context, applied_state=state)
        with self.runtime.waiting("Comparing"):
            lab, playbooks = self.lab is not None, self.playbooks
            whole = make_plan(self.inventory, live, known, access=self.access, playbooks=playbooks, lab=lab)
        plan = self._selected(whole, live, asked, verifies=verifies)
        checked = None
        if asked.approved is not None:
            checked = recheck(
                asked.approved,
                plan,
                asked.in_progress or (),
                resumed=asked.in_progress is not None,
                unverified={} if verifies else asked.unverified,
            )
        rolling = batched(checked.plan if checked else plan, self.inventory, live, asked.batch or DEFAULT)
        if asked.batches is not None:
            rolling = as_approved(rolling, asked.batches)
        facts = GuardContext(rolling, self.inventory, live, self.clock(), asked.require_complete)
        judged = guarded(facts, asked.waivers, again=verifies)
        plan = with_backups(with_full_backups(judged, self.inventory.policy), live)
        return PlanResult(live, known, plan, self._scope(), whole, checked)

    def _selected(self, plan: Plan, live: Live, asked: PlanRequest, *, verifies: bool) -> Plan:
        from reconciler.plan.adoption import adopting
        from reconciler.plan.selection import UnknownTarget, select

        selection = asked.selection
        if asked.adopt:
            plan = adopting(plan, self.inventory, live, () if verifies else selection.targets)
        known = {change.address for change in plan.changes} | {*live.resources, *self.inventory.resources}
        known |= {f"host.{proxy.name}" for proxy in self.inventory.of_kind("proxy")}
        if verifies:  # what was targeted may be deleted by now
            known |= {*selection.targets, *selection.excludes}
        groups = self.inventory.groups
        try:
            return select(
                plan,
                sorted(known),
                targets=selection.targets,
                excludes=selection.excludes,
                groups=groups,
                runs=selection.runs,
            )
        except UnknownTarget as error:
            raise Diagnosed([_no_target(error, known, groups)]) from error

    def observe_server(self, *, whole: bool = False) -> Live:
        """Observe what REST shows, without the hosts and the items of jobs. With `whole` also them, and what belongs to
        objects that are not declared. Raises RemoteError."""
        from reconciler.observe.items import without_items

        access = replace(self.access, connections={}, server=replace(self.access.server, powershell=None))
        inventory = self.inventory if whole else without_items(self.inventory)
        resources = {where: found for where, found in inventory.resources.items() if found.kind != "certificate"}
        return self._observe(
            replace(inventory, resources=resources), access, self._memory(), whole=whole, digests=False
        )

    def _observe(self, inventory: Inventory, access: Access, memory: Memory, **more: Any) -> Live:
        from reconciler.observe import observe

        with self.runtime.waiting() as listen:
            return observe(
                inventory,
                access=access,
                context=self.context,
                reader=self.reader,
                playbooks=self.playbooks,
                clock=self.clock,
                memory=memory,
                listen=listen,
                **more,
            )

    def _scope(self) -> str:
        from reconciler.observe.recall import scope_of

        return scope_of(self.inventory, self.reader.installation)

    def _former_scope(self) -> str:
        from reconciler.observe.recall import scope_of

        return scope_of(self.inventory, "")

    def _memory(self) -> Memory:
        with self.runtime.waiting("Reading the journal"):
            return self.applied_state.memory(self._scope(), self._former_scope())

    def carry_over(self) -> None:
        """Record under the installation what was recorded before the server showed it. Raises JournalError."""
        if self.reader.installation:
            with self.runtime.waiting("Reading the journal"):
                self.applied_state.carry_over(self._former_scope(), self._scope())

    def rescan(self, live: Live, proxies: Sequence[str]) -> None:
        """Ask the server to rescan these proxies. Does not fail if the server refuses."""
        from reconciler.apply.health import refresh

        refresh(self.apply_context(live), proxies)

    def apply_context(self, live: Live, permit: Callable[[], None] = lambda: None) -> ApplyContext:
        """What steps work with: the writer, and what exists in `live`. `permit` is called before each change."""
        from reconciler.apply import ApplyContext

        writer, context = self.writer(permit), self.context
        return ApplyContext(
            self.inventory.name,
            live,
            self.access,
            context,
            self.reader,
            writer,
            playbooks=self.playbooks,
            permit=permit,
        )

    def writer(self, permit: Callable[[], None] = lambda: None) -> vbo.Writer:
        from reconciler.clients.vbo import Writer

        return Writer(self.rest, permit)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What is needed to connect. `lab` and the `folder` of its state are None outside of the lab."""

    access: Access
    resolver: SecretResolver
    lab: Lab | None = None
    folder: Path | None = None
    logins: LoginGate = field(default_factory=LoginGate)
    workers: Cluster | None = None

    @property
    def context(self) -> ConnectionContext:
        return ConnectionContext(self.resolver, self.access.root, self.logins, self.workers)


@contextmanager
def open_endpoints(inventory: Inventory, runtime: Runtime, *, lab: bool) -> Iterator[Endpoints]:
    """The endpoints of an inventory. Connects to nothing; with `lab` the lab runs until the end of the context."""
    if not lab:
        from reconciler.operations.secrets import open_resolver

        access = inventory.access
        with open_resolver(access, runtime.environment) as resolver, _workers(access, runtime) as workers:
            yield Endpoints(access, resolver, workers=workers)
        return
    from reconciler.operations.lab import open_lab

    folder = lab_folder(runtime.lab_name or inventory.name, runtime.environment)
    runtime.report("Working in the lab: an emulation on this machine. Nothing real is reached.")
    with open_lab(inventory, runtime) as running:
        access = running.redirect(inventory.access)
        with _workers(access, runtime) as workers:
            yield Endpoints(access, running.resolver, running, folder, workers=workers)


@contextmanager
def _workers(access: Access, runtime: Runtime) -> Iterator[Cluster | None]:
    """The workers of the cluster that the runtime names. Raises Diagnosed."""
    if not runtime.executor:
        yield None
        return
    from reconciler.clients.cluster.connect import open_cluster

    sites = {connection.site for connection in access.connections.values()} - {""}
    with ExitStack() as stack:
        with runtime.waiting(f"Connecting to the scheduler {runtime.executor}"):
            cluster = stack.enter_context(open_cluster(runtime.executor, sites))
        runtime.detail(f"Hosts are reached through {cluster.width} workers of {runtime.executor}")
        yield cluster


@contextmanager
def open_session(inventory: Inventory, runtime: Runtime, *, lab: bool = False, parallel: int = 16) -> Iterator[Session]:
    """Connect to the server of an inventory, or to its lab. Raises RemoteError, SecretError and JournalError."""
    from reconciler.clients.vbo import Reader, connect
    from reconciler.operations.journals import open_journal

    with ExitStack() as stack:
        endpoints = stack.enter_context(open_endpoints(inventory, runtime, lab=lab))
        access, context = endpoints.access, endpoints.context
        if endpoints.lab is not None:
            context = replace(context, direct=endpoints.lab.direct)
        journal = stack.enter_context(open_journal(runtime, endpoints.folder))
        runtime.detail(f"Connecting to {access.server.rest_name}")
        stack.callback(runtime.listen, Waiting(""))
        with runtime.waiting(f"Connecting to {access.server.rest_name}"):
            rest = stack.enter_context(connect(access.server, context))
        stack.callback(runtime.listen, Waiting(f"Logging out of {access.server.rest_name}"))
        yield Session(
            inventory=inventory,
            access=access,
            context=context,
            rest=rest,
            reader=Reader(rest),
            playbooks=load_playbooks(inventory, runtime, lab=lab),
            journal=journal,
            lab=endpoints.lab,
            parallel=parallel,
            runtime=runtime,
        )


def _no_target(error: UnknownTarget, known: Iterable[str], groups: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        code="no-target",
        summary="No such target",
        detail=f"{error}.",
        fix=f"Did you mean {error.near}?" if error.near else _examples(error.pattern, known, groups),
    )


def _examples(pattern: str, known: Iterable[str], groups: Iterable[str]) -> str:
    """Addresses of the same kind come first."""
    kind = pattern.partition(".")[0]
    ordered = sorted(known, key=lambda where: (where.partition(".")[0] != kind, where))
    some = [*ordered[:5], *(f"@{group}" for group in sorted(groups)[:3])]
    return f"Use an address, a pattern or a group: {', '.join(some)}." if some else "There is nothing to select."
