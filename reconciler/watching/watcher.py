"""The watcher: a cycle observes every server, turns the ledger of its findings, and sends what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from reconciler import timing
from reconciler.journal import JournalError, LockHeld
from reconciler.model.errors import ReconcileError
from reconciler.model.finding import Coverage, Finding, TrackedFinding, Transition
from reconciler.operations.automatic import apply_automatically
from reconciler.operations.events import ignore
from reconciler.operations.fleet import Member, MemberResult, each
from reconciler.operations.journals import open_journal
from reconciler.operations.mailing import send_mail
from reconciler.operations.notifying import send
from reconciler.operations.observing import Observation, observe_drift
from reconciler.operations.paths import lab_folder
from reconciler.operations.status import Status
from reconciler.watching.automatic import UNTRIED, Decision, decide, outcome
from reconciler.watching.delivery import deliver, notices_of
from reconciler.watching.findings import coverage_of, failure, findings_of
from reconciler.watching.ledger import Damping, Moment, turn
from reconciler.watching.notices import MAIL, Channel
from reconciler.watching.state import ServerState, facts_of, files_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.journal import Journal
    from reconciler.operations.apply_run import ApplyResult
    from reconciler.operations.runtime import Runtime

_RUNS: Final = 10
"""Runs that the status page shows of each server."""

Observe = Callable[..., Observation]
Send = Callable[..., bool]
Apply = Callable[..., "ApplyResult | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """`known` is a file of known drift; with `apply` the changes are made that `policy.auto` of an inventory allows.
    The rest is as in `DriftOptions`."""

    lab: bool = False
    known: Path | None = None
    parallelism: int = 16
    channels: tuple[Channel, ...] = ()
    damping: Damping = field(default_factory=Damping)
    apply: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    """What an observation gave. `observation` is None if it failed, with `error`. `outcome` is set if it follows an
    automatic apply: why that failed, empty if it did not."""

    started: datetime
    seconds: float
    observation: Observation | None
    error: str
    outcome: str | None = None

    @property
    def findings(self) -> list[Finding]:
        return [failure(self.error)] if self.observation is None else findings_of(self.observation)

    @property
    def coverage(self) -> Coverage:
        return Coverage(observed=False) if self.observation is None else coverage_of(self.observation)


class Watcher:
    """`states` has a snapshot of each server, which is replaced as a whole. `observe`, `send`, `mail` and
    `apply` are for tests."""

    def __init__(
        self,
        servers: Sequence[Member],
        options: WatchOptions,
        runtime: Runtime,
        *,
        observe: Observe = observe_drift,
        send: Send = send,
        mail: Send = send_mail,
        apply: Apply = apply_automatically,
    ) -> None:
        self.servers = tuple(servers)
        self.options = options
        self.states: dict[str, ServerState] = {server.name: ServerState(server.name) for server in servers}
        self._runtime = runtime
        self._quiet = replace(runtime, listen=ignore)
        self._observe = observe
        self._send = send
        self._mail = mail
        self._apply = apply
        self._saying = Lock()

    def cycle(self) -> None:
        """Observe every server once. What fails is in its state; a failing server stops no other."""

        def ended(result: MemberResult[ServerState]) -> None:
            name = result.member.name
            self.states[name] = result.result or self._broken(self.states[name], result.error)

        each(self.servers, lambda server: self._turn(server, self.states[server.name]), ended=ended)

    def _turn(self, server: Member, before: ServerState) -> ServerState:
        try:
            look = self._look(server)
        except JournalError as error:
            return self._without_journal(before, error)
        state, decision = self._entered(server, before, look)
        if not decision.approved:
            return state
        outcome = self._change(server, look, decision)
        if outcome is None:
            return state
        try:
            look = replace(self._look(server), outcome=outcome)
        except JournalError as error:
            return self._without_journal(state, error)
        return self._entered(server, state, look)[0]

    def _entered(self, server: Member, before: ServerState, look: _Look) -> tuple[ServerState, Decision]:
        """Record what was observed, notify of it, and decide what is to be done about it."""
        state, decision = _with(before, look), Decision()
        try:
            with self._journal(server, state) as journal:
                if self.options.apply and look.observation is not None:
                    if not before.successes and not look.observation.inventory.policy.automatic:
                        self._say(f"{server.name}: `policy.auto` allows no changes: nothing is applied")
                    decision = decide(look.observation, journal, self._runtime.clock())
                ledger, transitions = self._record(server, look, decision, state, journal)
                self._report(server, look, ledger, transitions)
                post = partial(self._post, server)
                deliver(journal.outbox, server.name, self.options.channels, post, self._runtime.clock)
                pending = journal.outbox.pending(server.name)
                state = _with_runs(state, journal)
        except JournalError as error:
            return self._without_journal(state, error), Decision()
        return replace(state, ledger=ledger, pending_notices=pending, journal_error=""), decision

    def _change(self, server: Member, look: _Look, decision: Decision) -> str | None:
        """Make the changes. Returns why that failed, empty if it did not, and None if nothing was done."""
        if look.observation is None:
            return None
        try:
            done = self._apply(
                server.path,
                decision.approved,
                look.observation.inventory.digest,
                self._runtime_of(server),
                lab=self.options.lab,
                parallelism=server.settings.parallelism or self.options.parallelism,
            )
        except LockHeld as held:
            self._say(f"{server.name}: nothing is changed now: {held}")
            return None
        except (ReconcileError, OSError) as failed:
            self._say(f"{server.name}: the automatic changes failed: {failed}")
            return str(failed) or type(failed).__name__
        if done is None or done.execution is None:
            return None
        ended = Counter(end.outcome.value for end in done.execution.result.outcomes.values())
        counts = ", ".join(f"{number} {word}" for word, number in sorted(ended.items()))
        self._say(f"{server.name}: automatic changes: {counts} (run {done.run})")
        return None if done.status is Status.INTERRUPTED else ""

    def _runtime_of(self, server: Member) -> Runtime:
        return replace(self._quiet, executor=self._quiet.executor or server.settings.executor)

    def _look(self, server: Member) -> _Look:
        """Raises JournalError: without the journal it is not known what was applied."""
        started, ticks = self._runtime.clock(), timing.monotonic()
        observation, error = None, ""
        options = self.options
        try:
            observation = self._observe(
                server.path,
                self._runtime_of(server),
                lab=options.lab,
                known=options.known or server.settings.known,
                parallelism=server.settings.parallelism or options.parallelism,
            )
        except (ReconcileError, OSError) as failed:
            error = str(failed) or type(failed).__name__
        return _Look(started, timing.monotonic() - ticks, observation, error)

    def _record(
        self, server: Member, look: _Look, decision: Decision, state: ServerState, journal: Journal
    ) -> tuple[Mapping[str, TrackedFinding], list[Transition]]:
        from reconciler.journal import ObservationRecord

        options, transitions = self.options, list[Transition]()
        moment = Moment(look.started, journal.new_id(), journal.new_id)
        record = ObservationRecord(moment.observation, server.name, look.started, look.seconds, look.error)
        seen, coverage = [*look.findings, *decision.findings], look.coverage
        if look.outcome:
            seen.append(outcome(look.outcome))
        elif look.outcome is None and decision.approved:
            coverage = replace(coverage, fields=coverage.fields | UNTRIED)

        def work(ledger: Mapping[str, TrackedFinding]) -> Any:
            after, changes = turn(ledger, seen, coverage, moment, options.damping)
            transitions[:] = changes
            return after, notices_of(server.name, state, changes, options.channels, moment, lab=options.lab)

        return journal.findings.change(record, work), transitions

    @contextmanager
    def _journal(self, server: Member, state: ServerState) -> Iterator[Journal]:
        """The lab of an inventory has its own."""
        name = state.inventory or server.name
        folder = lab_folder(name, self._runtime.environment) if self.options.lab else None
        with open_journal(self._quiet, folder) as journal:
            yield journal

    def _post(self, server: Member, channel: Channel, message: Mapping[str, Any]) -> bool:
        if channel.form == MAIL:
            return self._mail(server.path, channel.address, message, self._quiet, lab=self.options.lab)
        return self._send(channel.address, message, self._quiet, lab=self.options.lab)

    def _report(
        self,
        server: Member,
        look: _Look,
        ledger: Mapping[str, TrackedFinding],
        transitions: Sequence[Transition],
    ) -> None:
        if look.error:
            self._say(f"{server.name}: cannot be observed: {look.error}")
        for item in transitions:
            found = item.after.finding
            line = f"{item.change} {found.kind} {found.address} {found.subject} ({found.severity}): {found.text}"
            self._say(f"{server.name}: {line}")
        open_now = sum(found.is_open for found in ledger.values())
        self._runtime.detail(f"{server.name}: observed in {look.seconds:.1f} s, {open_now} open findings")

    def _say(self, text: str) -> None:
        """Servers are observed in threads."""
        with self._saying:
            self._runtime.report(text)

    def _broken(self, state: ServerState, error: BaseException | None) -> ServerState:
        """An unexpected error. It concerns this server alone, and is no finding about it."""
        text = f"{type(error).__name__}: {error}"
        self._say(f"{state.name}: the observation failed unexpectedly: {text}")
        return replace(state, error=text, failures=state.failures + 1)

    def _without_journal(self, state: ServerState, error: JournalError) -> ServerState:
        """The ledger stays as it was: the next cycle that the journal takes compares with that."""
        if state.journal_error != str(error):
            self._say(f"{state.name}: {error}")
        return replace(state, journal_error=str(error))


def _with_runs(state: ServerState, journal: Journal) -> ServerState:
    if not state.inventory:
        return state
    latest = tuple(journal.runs(_RUNS, inventory=state.inventory))
    return replace(state, runs=latest, run_counts=journal.run_counts(state.inventory))


def _with(before: ServerState, look: _Look) -> ServerState:
    tried = replace(before, attempted=look.started, seconds=look.seconds, error=look.error)
    if look.observation is None:
        return replace(tried, failures=before.failures + 1)
    return replace(
        tried,
        succeeded=look.started,
        successes=before.successes + 1,
        facts=facts_of(look.observation),
        document=look.observation.pending,
        files=files_of(look.observation),
        inventory=look.observation.inventory.name,
    )
