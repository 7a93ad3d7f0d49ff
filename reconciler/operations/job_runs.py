"""`list_jobs` and `run_jobs`: the jobs of the server, and starting some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.sentences import nearest
from reconciler.operations.errors import InvalidOption
from reconciler.operations.events import Abandoned, Executed, Finished
from reconciler.operations.execution import Execution, execute
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.runtime import Runtime

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import Live, LiveResource
    from reconciler.model.plan import Plan
    from reconciler.operations.status import Status


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job of the server. `declared`: the inventory has it. Times are as the server gives them; None: not known, or
    never run."""

    name: str
    declared: bool
    organization: str | None
    repository: str | None
    enabled: bool | None
    last_run: str | None
    last_status: str | None
    next_run: str | None


def list_jobs(path: Path | str, *, lab: bool = False, runtime: Runtime | None = None) -> list[JobStatus]:
    """All jobs of the server of the inventory at `path`, by name. Raises Diagnosed, RemoteError and SecretError."""
    from reconciler.operations.session import open_session

    runtime = runtime or Runtime()
    inventory = load_inventory(Path(path), runtime, lab=lab)
    with open_session(inventory, runtime, lab=lab) as session:
        live = session.observe_server()
    declared = {job.name for job in inventory.of_kind("job")}
    return [_status(found, declared) for _, found in sorted(live.resources.items()) if found.kind == "job"]


def _status(found: LiveResource, declared: Iterable[str]) -> JobStatus:
    from reconciler.model.state import SessionStatus
    from reconciler.model.value import UNKNOWN

    def shown(field: str) -> Any:
        value = found.fields.get(field)
        return None if value is UNKNOWN else value

    return JobStatus(
        found.name,
        found.name in declared,
        shown("organization"),
        shown("repository"),
        shown("enabled"),
        found.job.last_run,
        None if found.job.last is SessionStatus.UNKNOWN else found.job.last.value,
        found.job.next_run,
    )


@dataclass(frozen=True, slots=True)
class JobRunResult:
    """How the jobs ended; `run` is the id in the journal."""

    run: str
    execution: Execution

    @property
    def status(self) -> Status:
        return self.execution.status


def run_jobs(
    path: Path | str,
    names: Sequence[str],
    *,
    lab: bool = False,
    lock_wait: float = 0.0,
    runtime: Runtime | None = None,
) -> JobRunResult:
    """Start jobs that the inventory at `path` declares, and follow them to their results. `lock_wait` is how many
    seconds to wait for another run on the server. Raises InvalidOption for a name that is not declared, and Diagnosed,
    RemoteError, SecretError, LockHeld and JournalError."""
    from reconciler.operations.locked_run import lock_server
    from reconciler.operations.session import open_session

    runtime = runtime or Runtime()
    inventory = load_inventory(Path(path), runtime, lab=lab)
    wanted = _declared(names, inventory)
    with (
        open_session(inventory, runtime, lab=lab) as session,
        lock_server(session, runtime, "jobs run", wait=lock_wait) as run,
    ):
        live = session.observe_server()
        done = execute(session, _plan(wanted, inventory, live, lab=lab), live, runtime, run=run)
        result = JobRunResult(run.run, done)
        runtime.listen(Executed(done))
        runtime.listen(Finished(result))
        if done.result.abandoned:
            run.release()
            runtime.listen(Abandoned())
    return result


def _declared(names: Sequence[str], inventory: Inventory) -> list[str]:
    """The names in order, each once."""
    known = [job.name for job in inventory.of_kind("job")]
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f" Did you mean {near}?" if near else ""
            raise InvalidOption(f"The inventory declares no job {name!r}.{hint}")
    return list(dict.fromkeys(names))


def _plan(names: Sequence[str], inventory: Inventory, live: Live, *, lab: bool) -> Plan:
    """A plan that only runs jobs; one that the server does not have is blocked."""
    from reconciler.model.address import address
    from reconciler.model.plan import Action, Cause, Change, Plan, Reason
    from reconciler.model.steps import RunJob

    changes = []
    for name in names:
        where = address("job", name)
        missing = "" if where in live.resources else "the server does not have this job yet: apply first"
        steps = () if missing else (RunJob(name=name),)
        cause = Cause(Reason.INVENTORY, "asked for on the command line")
        changes.append(Change(where, Action.RUN, (), cause, steps, blocked=missing))
    return Plan(inventory.name, inventory.digest, live.server, tuple(changes), lab=lab)
