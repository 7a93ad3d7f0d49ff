"""The one place where a command's world is put together: inventory, secrets, session, playbooks, memory, and the lab.

A `World` only reads. `writing()` hands out the writer: `apply`, `jobs run` and `smtp test` call it, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.console import Console
from reconciler.cli.options import Choice
from reconciler.cli.places import journal_place, lab_folder, packaged, private_folder, state_folder
from reconciler.cli.reading import usable
from reconciler.model.diagnostic import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.apply import ApplyContext
    from reconciler.clients.vbo import Reader, Session, Writer
    from reconciler.hosts import Playbook
    from reconciler.journal import Journal, Memory
    from reconciler.lab.lab import Lab
    from reconciler.model.connection import Access
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import Live
    from reconciler.model.plan import Plan
    from reconciler.model.recall import Recall
    from reconciler.model.secret import SecretResolver
    from reconciler.plan.recheck import Recheck
    from reconciler.plan.selection import UnknownTarget


@dataclass(frozen=True, slots=True)
class PlanResult:
    """One look at the world, and the plan that follows from it. `whole` is the plan before a part of it was chosen;
    `checked` how it compares with what was approved, where that is given."""

    live: Live
    recall: Recall
    plan: Plan
    scope: str
    whole: Plan
    checked: Recheck | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a command works with while it is connected."""

    inventory: Inventory
    access: Access
    resolver: SecretResolver
    session: Session
    reader: Reader
    playbooks: Mapping[str, Playbook]
    journal: Journal
    lab: Lab | None
    parallel: int
    clock: Callable[[], datetime]

    @property
    def memory(self) -> Memory:
        return self.journal.memory

    def look(
        self,
        *,
        waivers: Mapping[str, str] | None = None,
        complete: bool = False,
        since: Mapping[str, int] | None = None,
        again: bool = False,
        choice: Choice | None = None,
        approved: Sequence[Mapping[str, Any]] | None = None,
        begun: frozenset[str] | None = None,
        batch: str = "",
    ) -> PlanResult:
        """Observe the server and the hosts, and plan. Of the plan only the part that `choice` names is kept, and of
        that, where `approved` changes are given (in their JSON form), what was approved and still holds. Guards judge
        what is kept. Disruptive changes are in batches as `batch` says. Requests up to `since` are not this look's,
        which is done `again` where something was applied before it.

        Raises RemoteError where the server cannot be read, and Diagnosed for a choice of nothing.
        """
        from reconciler.observe import observe, recall
        from reconciler.observe.recall import scope_of
        from reconciler.plan import make_plan
        from reconciler.plan.batches import DEFAULT
        from reconciler.plan.guards import Facts, guarded
        from reconciler.plan.recheck import recheck
        from reconciler.plan.rolling import batched

        live = observe(
            self.inventory,
            access=self.access,
            resolver=self.resolver,
            reader=self.reader,
            playbooks=self.playbooks,
            clock=self.clock,
            parallel=self.parallel,
            since=since,
        )
        known = recall(self.inventory, live, access=self.access, resolver=self.resolver, memory=self.memory)
        whole = make_plan(self.inventory, live, known, access=self.access, judge=self._judge, lab=self.lab is not None)
        made = self._chosen(whole, live, choice or Choice())
        checked = None if approved is None else recheck(approved, made, begun or (), resumed=begun is not None)
        rolling = batched(checked.plan if checked else made, self.inventory, live, batch or DEFAULT)
        facts = Facts(rolling, self.inventory, live, self.clock(), complete)
        scope = scope_of(self.inventory, live)
        made = guarded(facts, waivers or {}, again=again)
        return PlanResult(live, known, made, scope, whole, checked)

    def _chosen(self, plan: Plan, live: Live, choice: Choice) -> Plan:
        from reconciler.plan.selection import UnknownTarget, select

        known = {change.address for change in plan.changes} | {*live.resources, *self.inventory.resources}
        known |= {f"host.{proxy.name}" for proxy in self.inventory.of_kind("proxy")}
        groups = self.inventory.groups
        try:
            return select(plan, sorted(known), targets=choice.targets, excludes=choice.excludes, groups=groups)
        except UnknownTarget as error:
            raise Diagnosed([_no_target(error, known, groups)]) from error

    def look_at_server(self) -> Live:
        """Observe what REST shows and leave the hosts alone."""
        from reconciler.observe import observe

        access = replace(self.access, connections={}, server=replace(self.access.server, powershell=None))
        resources = {where: found for where, found in self.inventory.resources.items() if found.kind != "certificate"}
        return observe(
            replace(self.inventory, resources=resources),
            access=access,
            resolver=self.resolver,
            reader=self.reader,
            playbooks=self.playbooks,
            clock=self.clock,
        )

    def rescan(self, live: Live, proxies: Sequence[str]) -> None:
        """Let the server look at these proxies anew. Nothing comes of it where the server does not want to."""
        from reconciler.apply.health_gate import refresh

        refresh(self.site(live), proxies)

    def site(self, live: Live) -> ApplyContext:
        """Where steps work: with the writer."""
        from reconciler.apply import ApplyContext

        writer = self.writing()
        return ApplyContext(
            self.inventory.name, live, self.access, self.resolver, self.reader, writer, playbooks=self.playbooks
        )

    def writing(self) -> Writer:
        from reconciler.clients.vbo import Writer

        return Writer(self.session)

    def _judge(self, system: str, facts: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterable[Any]:
        from reconciler.hosts import judge

        return judge(self.playbooks[system], facts, fields, build=self.session.build)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """How things are reached, before anything is: `lab` and its `folder` in a rehearsal."""

    access: Access
    resolver: SecretResolver
    lab: Lab | None = None
    folder: Path | None = None


@contextmanager
def open_ways(console: Console, inventory: Inventory, *, lab: bool) -> Iterator[Endpoints]:
    """The ways of an inventory, into the lab or into the real world. Nothing is connected yet."""
    if not lab:
        yield Endpoints(inventory.access, real_secrets(console, inventory))
        return
    folder = lab_folder(inventory.name, console.environment)
    console.say("Working in the lab: an emulation on this machine. Nothing real is reached.")
    with open_lab(console, inventory) as rehearsal:
        yield Endpoints(rehearsal.redirect(inventory.access), rehearsal.resolver, rehearsal, folder)


@contextmanager
def open_world(
    console: Console, inventory: Inventory, *, lab: bool, parallel: int = 16, clock: Callable[[], datetime] = now
) -> Iterator[World]:
    """Connect, in the lab or for real, and close everything at the end. Raises RemoteError and SecretError."""
    from reconciler.clients.vbo import Reader, connect
    from reconciler.hosts import load_for

    with ExitStack() as stack:
        ways = stack.enter_context(open_ways(console, inventory, lab=lab))
        access, resolver = ways.access, ways.resolver
        journal = stack.enter_context(open_journal(console, ways.folder))
        console.detail(f"Connecting to {access.server.host}")
        session = stack.enter_context(connect(access.server, resolver, access.root))
        yield World(
            inventory=inventory,
            access=access,
            resolver=resolver,
            session=session,
            reader=Reader(session),
            playbooks=load_for(inventory),
            journal=journal,
            lab=ways.lab,
            parallel=parallel,
            clock=clock,
        )


def open_journal(console: Console, lab: Path | None) -> Journal:
    """The journal of this user or team, or the one of the lab whose folder is `lab`. Raises JournalError."""
    from reconciler.journal import Journal

    place = journal_place(lab, console.environment)
    own = lab or state_folder(console.environment)
    if Path(place).parent == own:
        private_folder(own)
    return Journal.open(place)


def open_journal_of(console: Console, *, lab: bool, path: Path | None) -> Journal:
    """The journal for commands that need nothing else. With `lab` it is that of the lab of the inventory at `path`, by
    default the demo's. Raises JournalError, and Diagnosed for an inventory that cannot be used."""
    if not lab:
        return open_journal(console, None)
    name = usable(console, path or packaged("inventories", "demo.yml"), lab=True).name
    return open_journal(console, lab_folder(name, console.environment))


def real_secrets(console: Console, inventory: Inventory) -> SecretResolver:
    """Where the secrets of an inventory really are."""
    from reconciler.inventory.secrets import Resolver

    access = inventory.access
    return Resolver(access.root, access.commands, environment=console.environment)


def _no_target(error: UnknownTarget, known: Iterable[str], groups: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        code="no-target",
        summary="No such target",
        detail=f"{error}.",
        fix=f"Did you mean {error.near}?" if error.near else _examples(known, groups),
    )


def _examples(known: Iterable[str], groups: Iterable[str]) -> str:
    some = [*sorted(known)[:5], *(f"@{group}" for group in sorted(groups)[:3])]
    return f"Name an address, a pattern or a group, such as {', '.join(some)}." if some else "There is nothing to name."


_LAB_NEEDS = ("aiosmtpd", "asyncssh", "spnego")


def _no_lab(missing: list[str]) -> Diagnostic:
    return Diagnostic(
        code="no-lab",
        summary="The lab is not installed",
        detail=f"It needs packages that are not there: {', '.join(missing)}.",
        fix="Install them:\n  python3 -m pip install 'vbo-reconcile[lab]'",
    )


def open_lab(console: Console, inventory: Inventory) -> Lab:
    """The lab of an inventory: the one that another command keeps running, else one of our own while this one runs."""
    missing = [name for name in _LAB_NEEDS if find_spec(name) is None]
    if missing:
        raise Diagnosed([_no_lab(missing)])
    from reconciler.lab.lab import Lab

    folder = private_folder(lab_folder(inventory.name, console.environment))
    return Lab.open(inventory, folder, real_secrets(console, inventory))
