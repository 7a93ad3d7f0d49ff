"""`import`: the inventory of a server that exists. Sends GET and the login only."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.collector import collector_paused
from reconciler.kinds.proxy_matching import normal
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.live import INCOMPLETE
from reconciler.operations.import_files import Target, check, save, staging, target_of
from reconciler.operations.import_source import SecretsOf, ServerLogin, source_of
from reconciler.operations.request import Selection
from reconciler.operations.runtime import Runtime
from reconciler.operations.server_plan import is_of_rest, is_of_secrets, is_of_state, plan_of_server
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.importing.compose import Composed
    from reconciler.importing.entries import LiveObjects, Omission
    from reconciler.importing.hosts import HostScan
    from reconciler.importing.logins import Answer
    from reconciler.importing.refusals import Refusals
    from reconciler.importing.report import Facts
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import Live
    from reconciler.model.plan import Change, Plan
    from reconciler.operations.session import PlanResult, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """`name` is that of the new inventory, by default that of the source; `folder` gets its files, None writes none.
    `layout` is `one` or `split`, by default by the number of objects. `answers` are the accounts of proxies by class;
    with `visited` the inventory lets hosts be visited. `scan` has them asked for what they show before any login.
    `decide` is called with what was found and may answer the rest.
    """

    name: str = ""
    folder: Path | None = None
    layout: str = ""
    lab: bool = False
    selection: Selection = field(default_factory=Selection)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    visited: bool = False
    scan: bool = False
    decide: Callable[[Overview, ImportOptions], ImportOptions] | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What a server has that is not declared yet: the names of its `organizations`, how many proxies of each class, how
    many objects. `again` is set if an earlier import wrote the inventory."""

    organizations: Sequence[str]
    proxies: Mapping[str, int]
    objects: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`files` are all texts by name, `new` the addresses that this import added. `plan` is that of the inventory
    against what was observed."""

    files: Mapping[str, str]
    facts: Facts
    new: Sequence[str]
    plan: Plan

    @property
    def differences(self) -> Sequence[Change]:
        """The changes of what was imported just now. There are none, but for a bug. A secret may be another one than an
        earlier inventory of this name applied: no server shows it. What is out of date is upgraded by an apply."""
        found = (change for change in self.plan.changes if change.address in self.new)
        return [change for change in found if not is_of_secrets(change) and not is_of_state(change)]

    @property
    def states(self) -> Sequence[Change]:
        """The changes of what is out of date or out of sync."""
        return [change for change in self.plan.changes if is_of_state(change)]

    @property
    def doubts(self) -> Sequence[Diagnostic]:
        """What makes it doubtful that the server showed everything."""
        return [item for item in self.plan.problems if item.is_error and item.code == INCOMPLETE]

    @property
    def status(self) -> Status:
        return Status.PARTIAL if self.differences or self.doubts else Status.OK


def import_server(given: Path | ServerLogin, options: ImportOptions, runtime: Runtime | None = None) -> ImportResult:
    """The inventory of a server, which an inventory or a login names: its server, logins and certificates are taken
    over. A folder that has an inventory of an earlier import gets what is new. Raises Diagnosed, RemoteError,
    SecretError, JournalError, LabError, and OSError."""
    from reconciler.clients.vbo import RecordedReader
    from reconciler.operations.session import open_session

    runtime = runtime or Runtime()
    source = source_of(given, options.name, runtime, lab=options.lab)
    name = options.name or source.inventory.name
    target = target_of(options.folder, name, source, runtime, lab=options.lab, layout=options.layout)
    inventory = target.inventory or source.inventory
    with open_session(inventory, runtime, lab=options.lab) as session:
        reading = replace(session, inventory=target.known(inventory, name), reader=RecordedReader(session.rest))
        made = import_from(reading, target, options, inventory)
    if options.folder is not None:
        save(options.folder, target, made.files)
    return made


def import_from(session: Session, target: Target, options: ImportOptions, source: Inventory) -> ImportResult:
    """The import of what a session reads. `source` is the inventory that names the server."""
    return _Import(session, target, options, source).run()


class _Import:
    """One import. `source` is the inventory that names the server."""

    def __init__(self, session: Session, target: Target, options: ImportOptions, source: Inventory) -> None:
        self._session, self._target, self._options, self._source = session, target, options, source
        self._main = target.main(session.inventory.name)
        hosts = {normal(str(item.fields["host"])): item for item in source.of_kind("proxy") if not item.is_local}
        logins = {host: str(item.fields["credentials"]) for host, item in hosts.items() if "credentials" in item.fields}
        self._logins = logins
        self._connections = source.access.connections
        self._scanned: Mapping[str, HostScan] = {}

    def run(self) -> ImportResult:
        from reconciler.importing.gaps import warnings
        from reconciler.importing.report import REPORT, VARIABLES, report, variables
        from reconciler.operations.host_scan import scan_hosts

        live = self._session.observe_server(whole=True)
        if self._options.decide is not None:
            self._options = self._options.decide(_overview(live, self._target), self._options)
        if self._options.scan:
            self._scanned = scan_hosts(self._session, live, self._connections)
        with collector_paused(), staging() as folder:
            composed, inventory, omitted, planned = self._recognised(live, folder)
            unsaid = self._still_unsaid(live, composed)
        facts = self._facts(live, replace(composed, in_part=(*composed.in_part, *unsaid)), inventory, omitted)
        gaps = (*live.gaps, *planned.live.gaps)
        facts = replace(facts, warnings=warnings(planned.plan.problems, gaps))
        files = {**composed.files, VARIABLES: variables(inventory), REPORT: report(facts)}
        new = [where for where in inventory.resources if where not in self._target.declared]
        return ImportResult(files, facts, new, planned.plan)

    def _recognised(self, live: Live, folder: Path) -> tuple[Composed, Inventory, list[Omission], PlanResult]:
        """The files and their plan, without the new objects that the plan does not recognise."""
        from reconciler.importing.entries import Omission

        strays: list[Omission] = []
        while True:
            composed, inventory, omitted = self._fitting(live, folder, strays)
            made = plan_of_server(self._placed(), inventory)
            here = {where: found.id for where, found in made.live.resources.items()}
            more = [
                Omission(there, "", "another object on the server is taken for it")
                for where, there in composed.live_of.items()
                if where not in self._target.declared and here.get(Address(where)) != live.resources[there].id
            ]
            if not more:
                return composed, inventory, omitted, made
            strays += more

    def _placed(self) -> Session:
        """The session for an inventory in the folder of the options."""
        folder = self._options.folder
        if folder is None:
            return self._session
        secrets = SecretsOf(self._session.context.resolver, folder)
        context = replace(self._session.context, resolver=secrets, root=str(folder.absolute()))
        return replace(self._session, context=context)

    def _fitting(
        self, live: Live, folder: Path, strays: Sequence[Omission] = ()
    ) -> tuple[Composed, Inventory, list[Omission]]:
        """The files, without `strays` and what `validate` refuses of the objects, which is left out with the reason."""
        from reconciler.importing.entries import Omission
        from reconciler.importing.namesakes import namesakes, titles
        from reconciler.importing.refusals import Refusals, doubts
        from reconciler.importing.selection import select, whole_chains

        asked, declared = self._options.selection, self._target.declared
        objects = {where: found for where, found in live.resources.items() if found.kind != "certificate"}
        chosen = select(objects, asked.targets, asked.excludes, always=declared)
        rest, called = live.server.rest, titles(objects, declared)
        alike = namesakes(objects, declared, self._session.inventory.name)
        omitted = [item for item in (*strays, *alike) if item.address in chosen]
        for item in omitted:
            chosen.pop(Address(item.address), None)
        chosen, broken = whole_chains(rest, chosen, called)
        omitted += broken
        unsaid: list[Omission] = []
        while True:
            left_out = [item for item in unsaid if item.address in chosen]
            composed = self._compose(live, chosen, left_out)
            inventory, found = check(folder, composed.files, self._main)
            refused = self._refused(live, folder, chosen, left_out) if inventory is None else Refusals()
            more = [*refused.fields, *doubts(found, inventory, composed, declared)]
            if not refused.objects and not set(more) - set(unsaid):
                break
            unsaid += more
            omitted += [Omission(where, "", reason) for where, reason in refused.objects.items()]
            left = {where: item for where, item in chosen.items() if where not in refused.objects}
            chosen, broken = whole_chains(rest, left, called)
            omitted += broken
        if inventory is None:
            raise Diagnosed(found)
        return composed, inventory, [item._replace(address=called[Address(item.address)]) for item in omitted]

    def _refused(self, live: Live, folder: Path, chosen: LiveObjects, unsaid: Sequence[Omission]) -> Refusals:
        """What has errors. Nothing is shared among objects here, so that each has its own."""
        from reconciler.importing.refusals import refusals

        composed = self._compose(live, chosen, unsaid, shared=False)
        _, found = check(folder, composed.files, self._main)
        return refusals(found, composed, self._target.declared, unsaid)

    def _still_unsaid(self, live: Live, composed: Composed) -> list[Omission]:
        """What an import from the beginning would leave out of declared objects, and they do not say either."""
        from reconciler.importing.base import base_sections

        existing, declared = self._target.existing, self._target.declared
        if existing is None:
            return []
        base = base_sections(existing.root, Path(), Path())
        anew = _Import(self._session, Target(base), ImportOptions(), self._source)
        try:
            with staging() as folder:
                made = anew._fitting(live, folder)[0]
        except Diagnosed:
            return []
        here = {where: address for address, where in composed.live_of.items()}
        found = [item._replace(address=here.get(made.live_of[item.address], "")) for item in made.in_part]
        said = {(item.address, item.field) for item in composed.in_part}
        return [
            item
            for item in found
            if item.address in declared
            and (item.address, item.field) not in said
            and item.field not in declared[Address(item.address)].fields
        ]

    def _compose(self, live: Live, chosen: LiveObjects, unsaid: Sequence[Omission], *, shared: bool = True) -> Composed:
        from reconciler.importing.compose import Wishes, compose_added, compose_new

        options = self._options
        wishes = Wishes(options.layout, options.answers, self._logins, options.visited, self._scanned)
        existing, rest = self._target.existing, live.server.rest
        if existing is not None:
            return compose_added(rest, existing, chosen, wishes, unsaid)
        return compose_new(rest, self._session.inventory.name, self._target.base, chosen, wishes, unsaid, shared=shared)

    def _facts(self, live: Live, composed: Composed, inventory: Inventory, omitted: Sequence[Omission]) -> Facts:
        from reconciler.importing.compose import to_fill_in
        from reconciler.importing.gaps import explained, not_in_version, unread
        from reconciler.importing.report import Facts

        there = composed.live_of
        hosts = {where: normal(str(live.resources[there[where]].fields.get("host", ""))) for where in there}
        return Facts(
            inventory,
            self._main,
            f"{live.server.host} (REST v{live.server.rest}, build {live.server.build})",
            imported=[where for where in inventory.resources if where in there],
            omitted=sorted((*omitted, *unread(live.gaps))),
            in_part=sorted(explained(composed.in_part, there, live.gaps)),
            not_shown=not_in_version(live.server.rest),
            gone=[where for where, item in inventory.resources.items() if where not in there and is_of_rest(item)],
            to_do=[f"Fill in `credentials.{name}`: the account is a guess." for name in to_fill_in(composed.files)],
            visited=bool(inventory.access.connections),
            scanned={where: self._scanned[host] for where, host in hosts.items() if host in self._scanned},
            lab=self._options.lab,
            trust=self._trust(),
        )

    def _trust(self) -> str:
        """The file of `--trust`, from the folder of the files."""
        file = self._session.runtime.trust
        if file is None:
            return ""
        try:
            return os.path.relpath(file, self._options.folder or ".")
        except ValueError:  # on another drive
            return str(file)


def _overview(live: Live, target: Target) -> Overview:
    from reconciler.importing.logins import class_of

    found = [item for where, item in live.resources.items() if where not in target.declared]
    classes = Counter(class_of(item) for item in found if item.kind == "proxy" and not item.proxy.is_local)
    organizations = sorted(item.name for item in found if item.kind == "organization")
    return Overview(organizations, classes, len(found), again=target.existing is not None)
