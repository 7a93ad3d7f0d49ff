"""One operation for each inventory of a fleet, side by side: one that fails stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from reconciler import waits
from reconciler.inventory.fleet import Fleet, Member, Settings, fleet_file, is_fleet, read_fleet
from reconciler.inventory.fleet_servers import Conflict, conflicts, lab_names, named_in
from reconciler.operations.status import Status, error_status

__all__ = [
    "Conflict",
    "Fleet",
    "Member",
    "MemberResult",
    "Servers",
    "Settings",
    "each",
    "fleet_file",
    "is_fleet",
    "read_fleet",
    "server_batches",
    "servers_of",
    "worst",
]

SIDE_BY_SIDE: Final = 8
"""Servers at a time, each with its own connections to hosts."""
_RANK: Final = (
    Status.OK,
    Status.PENDING,
    Status.REFUSED,
    Status.STALE,
    Status.LOCKED,
    Status.ERROR,
    Status.PARTIAL,
    Status.INTERRUPTED,
)
"""From the best to the worst. A server that was changed in part needs a person sooner than one that was not."""


class _WithStatus(Protocol):
    @property
    def status(self) -> Status: ...


T = TypeVar("T", bound=_WithStatus)


@dataclass(frozen=True, slots=True)
class MemberResult(Generic[T]):
    """How the operation ended for one inventory: a result, an error, or neither if it was not started."""

    member: Member
    result: T | None = None
    error: BaseException | None = None

    @property
    def status(self) -> Status:
        if self.result is not None:
            return self.result.status
        return Status.PENDING if self.error is None else error_status(self.error)


def worst(statuses: Iterable[Status]) -> Status:
    return max(statuses, key=_RANK.index, default=Status.OK)


def each(
    members: Sequence[Member],
    operation: Callable[[Member], T],
    *,
    side_by_side: int = SIDE_BY_SIDE,
    ended: Callable[[MemberResult[T]], None] = lambda _: None,
) -> list[MemberResult[T]]:
    """Call `operation` for each member, up to `side_by_side` at a time, in threads. Returns the results in the order of
    the members. `ended` is called in this thread, in the order in which they end. Whatever an operation raises is the
    error of its member; an exception in this thread (an interrupt) starts no other one and is raised."""
    threads = ThreadPoolExecutor(max_workers=max(1, min(side_by_side, len(members))), thread_name_prefix="server")
    try:
        futures = {threads.submit(operation, member): member for member in members}
        results = {result.member.name: result for result in _results(futures, ended)}
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()
    return [results[member.name] for member in members]


def _results(futures: dict[Future[T], Member], ended: Callable[[MemberResult[T]], None]) -> Iterator[MemberResult[T]]:
    for future in waits.completed(futures):
        error = future.exception()
        result = MemberResult(futures[future], None if error else future.result(), error)
        ended(result)
        yield result


def server_batches(members: Sequence[Member], batch: str, hosts: Mapping[str, str]) -> list[list[list[Member]]]:
    """Batches of the sizes `batch` (`1,25%`, the last one repeats; all at once if it is empty). Each is a list of
    turns: members of one server come one after the other."""
    from reconciler.plan.batches import sizes

    found, left = [], list(members)
    for size in sizes(batch, len(left)) if batch else [len(left)]:
        found.append(_turns(left[:size], hosts))
        left = left[size:]
    return found


def _turns(members: Sequence[Member], hosts: Mapping[str, str]) -> list[list[Member]]:
    turns: list[list[Member]] = []
    seen: Counter[str] = Counter()
    for member in members:
        host = hosts.get(member.name) or f"of {member.name}"
        if seen[host] == len(turns):
            turns.append([])
        turns[seen[host]].append(member)
        seen[host] += 1
    return turns


@dataclass(frozen=True, slots=True)
class Servers:
    """What the inventories of a fleet name, as far as they can be read: by member the server, and the name of the lab
    if it is not that of the inventory."""

    conflicts: Sequence[Conflict]
    hosts: Mapping[str, str]
    labs: Mapping[str, str]


def servers_of(fleet: Fleet, include_root: Path | None = None) -> Servers:
    root = include_root or fleet.folder
    named = {member.name: named_in(member.path, root) for member in fleet.members}
    hosts = {name: found.server for name, found in named.items()}
    return Servers(tuple(conflicts(fleet.members, named)), hosts, lab_names(named))
