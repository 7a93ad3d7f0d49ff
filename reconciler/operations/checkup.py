"""`doctor`: can everything that an inventory names be reached, and is it fit?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.operations.inventory_loader import check_trust, load_inventory, load_playbooks
from reconciler.operations.runtime import Runtime
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.doctor import Check


@dataclass(frozen=True, slots=True)
class Checkup:
    """The checks, worst first, and their JSON form as `schemas/doctor.schema.json` describes it."""

    checks: Sequence[Check]
    document: Mapping[str, Any]

    @property
    def status(self) -> Status:
        """ERROR if a check failed; warnings are no failure."""
        return Status.OK if self.document["ok"] else Status.ERROR


def windows_checklist() -> str:
    """What to check by hand on a Windows host, as Markdown."""
    from reconciler.doctor.checklist import checklist_text

    return checklist_text()


def doctor(path: Path | str, *, lab: bool = False, parallelism: int = 16, runtime: Runtime | None = None) -> Checkup:
    """Check secrets, certificates, the server, and every host of the inventory at `path`; `parallelism` of them at a
    time. Changes nothing, and reports what fails as a check. Raises Diagnosed for an inventory with errors."""
    from reconciler.doctor import CheckContext, check_up, checkup_to_json
    from reconciler.operations.session import open_endpoints

    runtime = runtime or Runtime()
    inventory = load_inventory(Path(path), runtime, lab=True)  # whether its files exist is one of the checks
    if not lab:
        check_trust(inventory, runtime)
    with open_endpoints(inventory, runtime, lab=lab) as endpoints:
        playbooks, clock = load_playbooks(inventory, runtime, lab=lab), runtime.clock
        context = CheckContext(inventory, endpoints.access, endpoints.context, playbooks, clock=clock, now=clock())
        with runtime.waiting() as listen:
            checks = check_up(context, parallel=parallelism, listen=listen)
    document = checkup_to_json(checks, inventory=inventory.name, server=inventory.access.server.host, lab=lab)
    return Checkup(checks, document)
