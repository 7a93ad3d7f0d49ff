"""Carrying out a plan: begin the run, make the changes, end the run. For `apply`, `jobs run` and rehearsals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.operations.events import Warned
from reconciler.operations.status import Status, journal_status

if TYPE_CHECKING:
    from reconciler.apply import AppliedStateRecorder, Result, RolloutLimits
    from reconciler.journal import HeldLock, JournalError, RunRecorder
    from reconciler.model.live import Live
    from reconciler.model.plan import Plan
    from reconciler.operations.locked_run import LockedRun
    from reconciler.operations.runtime import Runtime
    from reconciler.operations.session import PlanResult, Session

CHANGES_AT_A_TIME: Final[Mapping[str, int]] = {"rest": 8, "ssh": 16, "winrm": 16}


@dataclass(frozen=True, slots=True)
class RolloutOptions:
    """`max_failures`: start no other change after this many failed; None keeps only later batches back after a
    failure. `concurrency` is how many changes at a time use REST, SSH and WinRM."""

    max_failures: int | None = None
    concurrency: Mapping[str, int] = field(default_factory=lambda: dict(CHANGES_AT_A_TIME))


Mails = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Execution:
    """How a plan was carried out. `journal_error` is set if the end of the run could not be recorded. `mails` were
    sent meanwhile; only the lab shows them."""

    result: Result
    journal_error: JournalError | None
    mails: Mails

    @property
    def errors(self) -> list[JournalError]:
        """What stopped the run, and what the journal could not take; only the first if one outage is both."""
        first, last = self.result.error, self.journal_error
        if first is not None and last is not None and last.code in (first.code, getattr(first, "cause", "")):
            last = None
        return [error for error in (first, last) if error is not None]

    @property
    def is_complete(self) -> bool:
        """Whether the run came to its end: then the live state can be verified."""
        return not self.result.interrupted and not self.errors

    @property
    def status(self) -> Status:
        """An interrupt first, then an error of the journal, then failed changes."""
        if self.result.interrupted:
            return Status.INTERRUPTED
        if self.errors:
            return journal_status(self.errors[0])
        return Status.PARTIAL if self.result.failed else Status.OK


def execute(
    session: Session,
    plan: Plan,
    live: Live,
    runtime: Runtime,
    *,
    run: LockedRun | None = None,
    recorder: AppliedStateRecorder | None = None,
    rollout: RolloutOptions | None = None,
    resumes: str = "",
) -> Execution:
    """Apply `plan`, which was made from `live`.

    With `run` every step is recorded in the journal before it is done, and with `recorder` what was applied. Raises
    JournalError if the run cannot be recorded, and then nothing is changed.
    """
    from reconciler.apply import FirstReads, ServerHealth, StopSignal, apply
    from reconciler.operations.locked_run import end_run

    before = mails_of(session)
    context = session.apply_context(live, run.lock.check) if run else session.apply_context(live)
    with runtime.waiting("Writing the run into the journal"):
        record = run.begin(plan, resumes=resumes) if run else None
        if record:
            reads = session.journal.first_reads(record.id)
            context.first_reads = FirstReads(record, {read.key: read.content for read in reads})
        if recorder:
            context.begun = recorder.begun
            recorder.begin(plan, context.naming)
    writers: list[RunRecorder | AppliedStateRecorder] = [writer for writer in (record, recorder) if writer]
    stop = StopSignal()
    with runtime.watch(plan, stop) as watcher, closing(context.sessions):
        result = apply(
            plan,
            context,
            permits=[writer.permit for writer in writers],
            listeners=[*(writer.listen for writer in writers), runtime.listen, watcher],
            limits=_limits(session, live, plan, rollout or RolloutOptions()),
            parallel=session.parallel,
            stop=stop,
            health=ServerHealth(context),
        )
    with runtime.waiting("Writing the run into the journal"):
        error = end_run(record, result) if record else None
        if run and (error or result.error):
            run.release()  # a journal that has failed is asked once more, and its error is reported once
    for failed in result.failed_listeners:
        runtime.listen(Warned(_dropped(failed)))
    return Execution(result, error, new_mails(before, mails_of(session)))


def _dropped(error: Exception) -> Diagnostic:
    detail = f"Not all events of the run were shown or recorded ({type(error).__name__}: {error})."
    return Diagnostic("events-incomplete", "Progress is incomplete", detail, severity=Severity.WARNING)


def recorder_of(session: Session, planned: PlanResult, lock: HeldLock | None = None) -> AppliedStateRecorder:
    """Records in the journal what is applied of a plan, while `lock` is held. `settle` it with the plan that is made
    afterwards. Raises JournalError."""
    from reconciler.apply import AppliedStateRecorder

    session.carry_over()
    state = session.applied_state.under(lock) if lock is not None else session.applied_state
    return AppliedStateRecorder(session.inventory, planned.live, planned.recall, state, planned.scope)


def _limits(session: Session, live: Live, plan: Plan, rollout: RolloutOptions) -> RolloutLimits:
    """Organizations keep their working proxies during the run, unless exactly that guard was waived."""
    from reconciler.apply import ConcurrencyLimits, RolloutLimits
    from reconciler.plan.organization_coverage import coverage_of

    waived = any(refusal.code == "coverage" and refusal.waiver for refusal in plan.refusals)
    coverage = coverage_of(session.inventory, live, plan.changes)
    transports = {name: found.transport.value for name, found in session.access.connections.items()}
    return RolloutLimits(
        max_failures=rollout.max_failures,
        coverage=replace(coverage, needed=0) if waived else coverage,  # a pool is never taken whole
        concurrency=ConcurrencyLimits(rollout.concurrency, transports),
    )


def mails_of(session: Session) -> Mails:
    """The mails in the lab's mail server; none outside of the lab."""
    return [] if session.lab is None else list(session.lab.mails())


def new_mails(before: Mails, after: Mails) -> Mails:
    """The mails that came since `before`. The mail server deletes the oldest ones, so counting is not enough."""
    for deleted in range(len(before) + 1):
        kept = len(before) - deleted
        if before[deleted:] == after[:kept]:
            return after[kept:]
    return after
