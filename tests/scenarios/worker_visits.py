"""For `dask worker --preload`: counts the visits that the worker has begun, and those that it is at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from reconciler.clients.cluster import worker
from reconciler.clients.cluster.errand import Answer, Errand

_counting = Lock()


@dataclass(slots=True)
class Visits:
    begun: int = 0
    running: int = 0


_visits = Visits()
_carry_out = vars(worker).setdefault("uncounted", worker.carry_out)  # Dask runs this module more than once


def _counted(errand: Errand, folder: Path) -> Answer:
    with _counting:
        _visits.begun += 1
        _visits.running += 1
    try:
        answer: Answer = _carry_out(errand, folder)
        return answer
    finally:
        with _counting:
            _visits.running -= 1


def _begun_and_running() -> tuple[int, int]:
    return _visits.begun, _visits.running


vars(worker).update(carry_out=_counted, begun_and_running=_begun_and_running)
