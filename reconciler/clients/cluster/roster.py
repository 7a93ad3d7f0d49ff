"""Which worker visits a host: one of its site, and of those the one with the fewest visits. Pure, apart from a lock."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any, Final

SITE: Final = "site:"
"""The resource of a worker that is at a site: `--resources site:london=1`."""


@dataclass(frozen=True, slots=True)
class Worker:
    """`ahead` is what has to be added to its clock to have that of this machine."""

    address: str
    name: str
    sites: frozenset[str]
    public: bytes
    ahead: timedelta = timedelta()


def sites_of(resources: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name.removeprefix(SITE) for name in resources if name.startswith(SITE))


@dataclass(slots=True)
class Roster:
    """The workers that are alive, and how many visits each has. A host without a site goes to a worker without one, if
    there is any."""

    _workers: dict[str, Worker] = field(default_factory=dict)
    _visits: dict[str, int] = field(default_factory=dict)
    _made: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def replace(self, workers: Iterable[Worker]) -> None:
        with self._lock:
            self._workers = {worker.address: worker for worker in workers}

    def __len__(self) -> int:
        return len(self._workers)

    def has(self, worker: Worker) -> bool:
        return worker in self._workers.values()

    def of_site(self, site: str) -> list[Worker]:
        everyone = sorted(self._workers.values(), key=lambda worker: (worker.name, worker.address))
        wanted = [worker for worker in everyone if (site in worker.sites if site else not worker.sites)]
        return wanted or ([] if site else everyone)

    def take(self, site: str, without: Container[Worker] = ()) -> Worker | None:
        """A worker for one more visit; None if no other worker is at this site. Ties go round."""
        with self._lock:
            found = [worker for worker in self.of_site(site) if worker not in without]
            if not found:
                return None
            chosen = min(found, key=lambda item: (self._visits.get(item.address, 0), self._made.get(item.address, 0)))
            self._visits[chosen.address] = self._visits.get(chosen.address, 0) + 1
            self._made[chosen.address] = self._made.get(chosen.address, 0) + 1
            return chosen

    def give(self, worker: Worker) -> None:
        with self._lock:
            self._visits[worker.address] -= 1
