"""What is known of a watched server: a snapshot that the pages and metrics read while the next observation is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.finding import TrackedFinding
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.journal import RunRecord, RunState
    from reconciler.operations.observing import Observation


@dataclass(frozen=True, slots=True)
class Facts:
    """What the latest successful observation showed. `jobs` has the result of the last session of each declared job."""

    host: str
    rest: str
    build: str
    lab: bool
    hosts: int
    unreachable: int
    certificates: Mapping[str, datetime]
    jobs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ServerState:
    """`attempted` and `succeeded` are the starts of the latest observations, `seconds` how long the latest took, and
    `error` why it failed. `ledger` is the latest that the journal took, `journal_error` why it takes no more. `runs`
    are the latest of its inventory, `run_counts` how many there are by operation and state, `document` is the drift as
    JSON."""

    name: str
    attempted: datetime | None = None
    succeeded: datetime | None = None
    seconds: float = 0.0
    error: str = ""
    journal_error: str = ""
    successes: int = 0
    failures: int = 0
    pending_notices: int = 0
    ledger: Mapping[str, TrackedFinding] = field(default_factory=dict)
    facts: Facts | None = None
    document: Mapping[str, Any] | None = None
    files: tuple[Path, ...] = ()
    inventory: str = ""
    runs: tuple[RunRecord, ...] = ()
    run_counts: Mapping[tuple[str, RunState], int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return Status.ERROR if self.error or self.journal_error else Status.OK

    @property
    def open(self) -> list[TrackedFinding]:
        """Open findings: high severity first, then the oldest."""
        found = [item for item in self.ledger.values() if item.is_open]
        return sorted(found, key=lambda item: (item.finding.severity != "high", item.since, item.finding.key))

    def counts(self) -> Counter[tuple[str, str, str, str]]:
        """Open findings by kind of finding, kind of object, severity and state."""
        return Counter(
            (
                item.finding.kind.value,
                item.finding.address.partition(".")[0],
                item.finding.severity,
                item.state.value,
            )
            for item in self.open
        )


def facts_of(observation: Observation) -> Facts:
    live, inventory = observation.live, observation.inventory
    jobs = {}
    for kind in ("job", "copy_job"):
        for job in inventory.of_kind(kind):
            found = live.resources.get(job.address)
            if found is not None:
                jobs[str(job.address)] = found.job.last.value
    return Facts(
        host=live.server.host,
        rest=f"v{live.server.rest}",
        build=live.server.build,
        lab=observation.plan.lab,
        hosts=len(live.hosts),
        unreachable=sum(host.problem is not None for host in live.hosts.values()),
        certificates=observation.certificates,
        jobs=jobs,
    )


def files_of(observation: Observation) -> tuple[Path, ...]:
    """The files whose change starts an observation."""
    root = Path(observation.inventory.access.root)
    return tuple(root / name for name in observation.inventory.files)
