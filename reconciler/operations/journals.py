"""The journal of the user or team, or of a lab: which one an operation uses, and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.operations.paths import journal_place, lab_folder
from reconciler.operations.runtime import Runtime
from reconciler.user_folders import own_folder

if TYPE_CHECKING:
    from reconciler.journal import Holder, Journal, RunRecord


def open_journal(runtime: Runtime, lab: Path | None = None) -> Journal:
    """The journal of this user or team, or the one of the lab with its state in `lab`. Raises JournalError."""
    from reconciler.journal import Journal
    from reconciler.journal.location import VARIABLE

    place = journal_place(lab, runtime.environment)
    if lab or not runtime.environment.get(VARIABLE):
        own_folder(Path(place).parent)
    with runtime.waiting("Opening the journal"):
        return Journal.open(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOptions:
    """`lab`: the journal of the lab of `inventory`, a path, by default of the demo. Otherwise the journal that
    VBO_RECONCILE_JOURNAL names, by default that of this user; of its runs only those of `inventory`, if it is given.
    Errors in the inventory do not matter."""

    lab: bool = False
    inventory: Path | None = None


def is_file(options: JournalOptions, runtime: Runtime) -> bool:
    """Whether the journal is a file, so that nothing is connected to in order to read it. Raises JournalError."""
    from reconciler.journal.location import find_location

    return options.lab or find_location(environ=runtime.environment).file is not None


def _open(options: JournalOptions | None, runtime: Runtime) -> Journal:
    from reconciler.operations.inventory_loader import lab_name

    if options is None or not options.lab:
        return open_journal(runtime)
    return open_journal(runtime, lab_folder(lab_name(options.inventory, runtime), runtime.environment))


def _whose(options: JournalOptions | None, runtime: Runtime) -> str:
    """The name of the inventory whose runs are meant; empty for those of all. A lab has only its own."""
    from reconciler.operations.inventory_loader import inventory_name

    if options is None or options.lab or options.inventory is None:
        return ""
    return inventory_name(options.inventory, runtime)


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with all its changes and steps. `refusals` are the guards that its plan broke, in their JSON form."""

    record: RunRecord
    refusals: tuple[Mapping[str, Any], ...]


def list_runs(
    limit: int = 20, options: JournalOptions | None = None, runtime: Runtime | None = None
) -> list[RunRecord]:
    """The latest runs, newest first, without their changes. Raises JournalError, and Diagnosed for an inventory that
    has no name."""
    runtime = runtime or Runtime()
    whose = _whose(options, runtime)
    with _open(options, runtime) as journal, runtime.waiting("Reading the journal"):
        return journal.runs(limit, inventory=whose)


def show_run(run: str, options: JournalOptions | None = None, runtime: Runtime | None = None) -> RunDetails:
    """The run with this id, `last` for the latest. Raises NotInJournal and what `list_runs` does."""
    from reconciler.operations.resume import find_run

    runtime = runtime or Runtime()
    whose = _whose(options, runtime)
    with _open(options, runtime) as journal, runtime.waiting("Reading the journal"):
        name = find_run(journal, run, inventory=whose)
        return RunDetails(journal.run(name), tuple(journal.plan(name).get("refusals", ())))


def list_locks(options: JournalOptions | None = None, runtime: Runtime | None = None) -> list[Holder]:
    """The locks that are held. Raises what `list_runs` does."""
    runtime = runtime or Runtime()
    with _open(options, runtime) as journal, runtime.waiting("Reading the journal"):
        return journal.locks.list()


def break_lock(
    lock: str,
    options: JournalOptions | None = None,
    runtime: Runtime | None = None,
    *,
    confirm: Callable[[Holder], bool],
) -> Holder | None:
    """Take the lock with this id from its holder, if `confirm` returns true for it. Returns the former holder, None if
    it was not confirmed. A holder that is alive stops before its next step. Raises NotInJournal and what `list_runs`
    does."""
    runtime = runtime or Runtime()
    with _open(options, runtime) as journal:
        with runtime.waiting("Reading the journal"):
            holder = next((item for item in journal.locks.list() if item.id == lock), None)
        if holder is not None and not confirm(holder):
            return None
        with runtime.waiting("Writing into the journal"):
            return journal.locks.break_(lock)
