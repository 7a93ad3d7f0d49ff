"""The turn of a command that changes something: the lock on the management server, and a run in the journal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.console import Console

if TYPE_CHECKING:
    from reconciler.apply import Result
    from reconciler.journal import HeldLock, Holder, Journal, JournalError, Run, RunState, Who
    from reconciler.model.plan import Plan
    from reconciler.operations.session import Session

LEASE = 60.0
"""Seconds that the lock outlives a process that was killed. It is renewed while the process lives."""


@dataclass(frozen=True, slots=True)
class LockedRun:
    """`run` is the id that the run will have; the lock names it already. `commit` is where the inventory comes from, as
    far as git knows it."""

    journal: Journal
    lock: HeldLock
    operation: str
    run: str
    who: Who
    commit: str = ""

    def begin(self, plan: Plan, *, resumes: str = "") -> Run:
        """Write the run and its plan. Raises JournalError, and then nothing may be done."""
        from reconciler.plan import plan_to_json

        document = plan_to_json(plan)
        return self.journal.begin(
            document,
            self.who,
            run=self.run,
            operation=self.operation,
            commit=self.commit,
            resumes=resumes,
            lock=self.lock,
        )


@contextmanager
def take_turn(console: Console, world: Session, operation: str, *, wait: float = 0.0) -> Iterator[LockedRun]:
    """Hold the lock of the management server. Waits for it for `wait` seconds. Raises LockHeld and JournalError."""
    from reconciler.journal import who_am_i

    who = who_am_i(console.environment)
    run = world.journal.new_id()

    def waiting(holder: Holder) -> None:
        console.say(f"Waiting for {holder.describe()} ...")

    name = world.access.server.host.lower()
    with (
        _in_its_lab(world),
        world.journal.locks.acquire(
            name,
            key=world.reader.installation or name,
            owner=str(who),
            operation=operation,
            run=run,
            timeout=wait,
            lease=LEASE,
            waiting=waiting if wait else None,
        ) as lock,
    ):
        if lock.before is not None:
            console.say(f"Took over the lock of {lock.before.describe()}: it was not renewed.")
        yield LockedRun(world.journal, lock, operation, run, who, _commit(world))


@contextmanager
def _in_its_lab(world: Session) -> Iterator[None]:
    """The commands that a lost or held lock names are for the journal that the lock is in."""
    from reconciler.journal import LeaseLost, LockHeld

    try:
        yield
    except (LockHeld, LeaseLost) as error:
        if world.lab is not None:
            inventory = Path(world.inventory.access.root) / world.inventory.main
            error.hint += f" --lab --inventory {shlex.quote(str(inventory))}"
        raise


def _commit(world: Session) -> str:
    """`0123abc…`, with `-dirty` where the inventory was changed since; empty outside of git."""
    from reconciler.cli.reviewing import git_of, history_of

    history = history_of(world.inventory)
    if history is None:
        return ""
    git = git_of(history, world.inventory)
    return f"{git['commit']}-dirty" if git["commit"] and git["dirty"] else str(git["commit"])


def state_of(result: Result) -> RunState:
    """What the journal says of a run that ended."""
    from reconciler.journal import RunState

    if result.error is not None:
        return RunState.FAILED
    if result.interrupted:
        return RunState.INTERRUPTED
    return RunState.PARTIAL if result.failed else RunState.DONE


def end(run: Run, result: Result) -> JournalError | None:
    """Close the run. Gives the error where the journal could not be written: what is done is done all the same."""
    from reconciler.journal import JournalError

    try:
        run.end(state_of(result))
    except JournalError as error:
        return error
    return None
