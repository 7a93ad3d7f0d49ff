"""What an operation takes from the process that calls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.waiting import Waiting
from reconciler.operations.events import Listener, Message, ignore
from reconciler.timing import utc_now

if TYPE_CHECKING:
    from reconciler.apply import StopSignal
    from reconciler.model.event import Listener as ChangeListener
    from reconciler.model.plan import Plan


@contextmanager
def unwatched(plan: Plan, stop: StopSignal) -> Iterator[ChangeListener]:
    """For callers that neither show progress nor stop a run."""
    del plan, stop
    yield ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """`environment` is where secrets, folders (XDG) and the review base of a pipeline are looked up. `clock` returns an
    aware time. What an inventory includes is below its folder, or below `include_root`; what it reaches, believes and
    runs must be allowed by the file `trust` (`schemas/trust.schema.json`), if there is one.

    `lab_runs_scripts` lets the lab run the scripts of an inventory's own playbooks, on this machine and as this user.

    `executor` is the scheduler of the Dask cluster whose workers reach hosts, empty for threads.

    `lab_name` is the name of the lab, if it is not that of the inventory: two inventories of a fleet may have one name.

    `listen` is called with every notice and with every event of a change; the latter come from several threads.
    `watch` is entered while a plan is carried out: it may use the signal to stop the run, and gives one more listener
    for the events of changes.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    listen: Listener = ignore
    watch: Callable[[Plan, StopSignal], AbstractContextManager[ChangeListener]] = unwatched
    clock: Callable[[], datetime] = utc_now
    include_root: Path | None = None
    lab_runs_scripts: bool = False
    trust: Path | None = None
    lab_name: str = ""
    executor: str = ""

    def report(self, text: str) -> None:
        self.listen(Message(text))

    def detail(self, text: str) -> None:
        self.listen(Message(text, verbose=True))

    @contextmanager
    def waiting(self, what: str = "") -> Iterator[Callable[[Waiting], None]]:
        """While something may take long: `what` it is. Gives a listener for more about it."""
        if what:
            self.listen(Waiting(what))
        try:
            yield self.listen
        finally:
            self.listen(Waiting(""))
