"""What a run holds that changes something: the lock of the management server, and its entry in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.waiting import Waiting
from reconciler.operations.events import Locked, Warned

if TYPE_CHECKING:
    from reconciler.apply import Result
    from reconciler.journal import HeldLock, Holder, Journal, JournalError, RunRecorder, RunState, Who
    from reconciler.model.plan import Plan
    from reconciler.operations.runtime import Runtime
    from reconciler.operations.session import Session

LEASE = 60.0
"""Seconds that the lock outlives a process that was killed. It is renewed while the process lives."""


@dataclass(frozen=True, slots=True)
class LockedRun:
    """`run` is the id that the run will have; the lock names it already. `commit` is the git commit of the inventory,
    with `-dirty` if it was changed since, empty outside of git."""

    journal: Journal
    lock: HeldLock
    operation: str
    run: str
    who: Who
    commit: str = ""

    def begin(self, plan: Plan, *, resumes: str = "") -> RunRecorder:
        """Write the run and its plan. Raises JournalError, and then nothing may be changed."""
        from reconciler.plan import plan_to_json

        return self.journal.begin(
            plan_to_json(plan),
            self.who,
            run=self.run,
            operation=self.operation,
            commit=self.commit,
            resumes=resumes,
            lock=self.lock,
        )

    def release(self) -> None:
        """Release the lock before the context ends. A journal that cannot be written lets the lease expire."""
        from reconciler.journal import JournalError

        with suppress(JournalError):
            self.lock.release()


@contextmanager
def lock_server(session: Session, runtime: Runtime, operation: str, *, wait: float = 0.0) -> Iterator[LockedRun]:
    """Hold the lock of the management server. `wait` is how many seconds to wait for it. Raises LockHeld and
    JournalError."""
    from reconciler.journal import who_am_i

    who = who_am_i(runtime.environment)
    run = session.journal.new_id()

    def waiting(holder: Holder) -> None:
        runtime.report(f"Waiting for {holder.describe()} ...")

    name, installation = session.access.server.host.lower(), session.reader.installation
    with ExitStack() as stack:
        stack.callback(_released, runtime)
        with runtime.waiting(f"Taking the lock of {name}"):
            taken = session.journal.locks.acquire(
                name,
                key=installation or name,
                also=name if installation else "",  # a run may have begun before an upgrade made the server show it
                owner=str(who),
                operation=operation,
                run=run,
                timeout=wait,
                lease=LEASE,
                waiting=waiting if wait else None,
            )
        lock = stack.enter_context(taken)
        runtime.listen(Locked(name))
        stack.callback(runtime.listen, Waiting(f"Releasing the lock of {name}"))
        if lock.before is not None:
            why = "it was not renewed" if lock.before.expired else "its process is gone from this machine"
            runtime.report(f"Took over the lock of {lock.before.describe()}: {why}.")
        yield LockedRun(session.journal, lock, operation, run, who, _commit(session))


def _released(runtime: Runtime) -> None:
    runtime.listen(Locked())
    runtime.listen(Waiting(""))


def report_other_run(session: Session, runtime: Runtime) -> None:
    """Report who holds the lock of the server, if a run does: what it changes is in motion."""
    with runtime.waiting("Reading the journal"):
        holder = session.journal.locks.held(session.reader.installation, session.access.server.host.lower())
    if holder is not None:
        runtime.listen(Warned(_in_motion(holder)))


def _in_motion(holder: Holder) -> Diagnostic:
    return Diagnostic(
        code="other-run",
        summary="Another run is changing this server",
        detail=f"{holder.describe()}. What it has not finished is shown as it is now.",
        fix="Repeat this when the run has ended. See: vbo-reconcile lock list",
        severity=Severity.WARNING,
    )


def _commit(session: Session) -> str:
    from reconciler.operations.git_history import git_state, history_of

    history = history_of(session.inventory)
    if history is None:
        return ""
    git = git_state(history, session.inventory)
    return f"{git['commit']}-dirty" if git["commit"] and git["dirty"] else str(git["commit"])


def run_state(result: Result) -> RunState:
    """How the journal records the end of a run."""
    from reconciler.journal import RunState

    if result.error is not None:
        return RunState.FAILED
    if result.interrupted:
        return RunState.INTERRUPTED
    return RunState.PARTIAL if result.failed else RunState.DONE


def end_run(run: RunRecorder, result: Result) -> JournalError | None:
    """Record the end of a run. Returns the error if the journal cannot be written: the changes are made anyway."""
    from reconciler.journal import JournalError

    try:
        run.end(run_state(result))
    except JournalError as error:
        return error
    return None
