"""`list_jobs` and `run_jobs`: the jobs of the server, and starting some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.sentences import nearest
from reconciler.operations.errors import InvalidOption
from reconciler.operations.events import Abandoned, Executed, Finished
from reconciler.operations.execution import Execution, execute
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.runtime import Runtime

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.live import Live, LiveResource
    from reconciler.model.plan import Plan
    from reconciler.operations.status import Status


RUNNING: Final = ("job", "copy_job")
"""The kinds whose objects can be started."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job of the server. `kind` is `job` or `copy_job`; `declared`: the inventory has it. Times are as the server
    gives them; None: not known, or never run."""

    name: str
    kind: str
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
    found = sorted(live.resources.items(), key=lambda item: (item[1].name, item[0]))
    return [_status(job, live, declared=where in inventory.resources) for where, job in found if job.kind in RUNNING]


def _status(found: LiveResource, live: Live, *, declared: bool) -> JobStatus:
    from reconciler.model.address import address
    from reconciler.model.state import SessionStatus
    from reconciler.model.value import UNKNOWN

    def shown(field: str) -> Any:
        value = found.fields.get(field)
        return None if value is UNKNOWN else value

    source = live.resources.get(address("job", str(shown("job")))) if found.kind == "copy_job" else None
    return JobStatus(
        found.name,
        found.kind,
        declared,
        shown("organization") if source is None else source.fields["organization"],
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


def _declared(names: Sequence[str], inventory: Inventory) -> list[Resource]:
    """The jobs and copy jobs in order, each once. A name is one or an address (`copy_job.NAME`)."""
    known = [job for kind in RUNNING for job in inventory.of_kind(kind)]
    found: dict[str, Resource] = {}
    for name in names:
        meant = [job for job in known if name in (job.name, job.address)]
        if len(meant) > 1:
            raise InvalidOption(f"{name!r} is a job and a copy job: write {meant[0].address} or {meant[1].address}.")
        if not meant:
            near = nearest(name, [job.name for job in known])
            hint = f" Did you mean {near}?" if near else ""
            raise InvalidOption(f"The inventory declares no job {name!r}.{hint}")
        found[meant[0].address] = meant[0]
    return list(found.values())


def _plan(jobs: Sequence[Resource], inventory: Inventory, live: Live, *, lab: bool) -> Plan:
    """A plan that only runs jobs; one that the server does not have is blocked. A copy job waits for its job."""
    from reconciler.model.plan import Action, Cause, Change, ChangeKey, Plan, Reason
    from reconciler.model.steps import RunJob

    changes = []
    asked = {job.address for job in jobs}
    for job in sorted(jobs, key=lambda job: job.kind != "job"):
        missing = _why_not(job, live)
        steps = () if missing else (RunJob(kind=job.kind, name=job.name),)
        cause = Cause(Reason.INVENTORY, "asked for on the command line")
        source = f"job.{job.fields['job']}" if job.kind == "copy_job" else ""
        needs = (ChangeKey("run", source),) if source in asked else ()
        changes.append(Change(job.address, Action.RUN, (), cause, steps, needs, blocked=missing))
    return Plan(inventory.name, inventory.digest, live.server, tuple(changes), lab=lab)


def _why_not(job: Resource, live: Live) -> str:
    """Why a declared job cannot be started; empty if it can."""
    from reconciler.kinds import KINDS

    kind = KINDS[job.kind]
    if not kind.in_version(live.server.rest):
        return f"REST v{live.server.rest} has no copy jobs; they came with v{kind.since}"
    return "" if job.address in live.resources else "the server does not have this job yet: apply first"
