"""`import --diff`: the reverse of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.plan import Action, Change, FieldChange
from reconciler.operations.request import PlanRequest, Selection
from reconciler.operations.runtime import Runtime
from reconciler.operations.server_plan import is_hidden, plan_of_server
from reconciler.operations.status import Status
from reconciler.plan.repository_states import STATE

if TYPE_CHECKING:
    from reconciler.model.live import Live


@dataclass(frozen=True, slots=True)
class Undeclared:
    """What is on a server and not in an inventory: `objects` by address, each with its name on the server and the
    inventory that owns it, which is empty for most. `differing` has the fields of declared objects that have other
    values there (`before`), by address; `missing` are declared and not there."""

    server: str
    objects: Mapping[str, tuple[str, str]]
    differing: Mapping[str, Sequence[FieldChange]]
    missing: Sequence[str]

    @property
    def status(self) -> Status:
        return Status.PENDING if self.objects or self.differing or self.missing else Status.OK

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "server": self.server,
            "undeclared": [
                {"address": where, "name": name, "owner": owner} for where, (name, owner) in self.objects.items()
            ],
            "differing": [
                {"address": where, "path": item.path, "server": item.before, "declared": item.after}
                for where, fields in self.differing.items()
                for item in fields
            ],
            "missing": list(self.missing),
        }


def undeclared(
    path: Path, *, lab: bool = False, selection: Selection | None = None, runtime: Runtime | None = None
) -> Undeclared:
    """What a server has that the inventory at `path` does not say. What comes with the product is left out unless it is
    used. Secrets are not compared, and no host is asked. Raises what `import_server` does."""
    from reconciler.operations.inventory_loader import load_inventory
    from reconciler.operations.session import open_session

    runtime, asked = runtime or Runtime(), selection or Selection()
    inventory = load_inventory(path, runtime, lab=lab)
    with open_session(inventory, runtime, lab=lab) as session:
        found = plan_of_server(session, inventory, PlanRequest(selection=asked))
    changes = sorted(found.plan.changes, key=lambda change: change.address)
    return Undeclared(
        found.live.server.host,
        _objects(found.live, inventory.resources, asked),
        {change.address: fields for change in changes if (fields := _differing(change))},
        [change.address for change in changes if change.action is Action.CREATE],
    )


def _objects(live: Live, declared: Collection[str], asked: Selection) -> dict[str, tuple[str, str]]:
    from reconciler.importing.selection import select

    found = {where: item for where, item in live.resources.items() if item.kind not in ("certificate", "smtp")}
    chosen = select(found, asked.targets, asked.excludes)
    left = {where: item for where, item in chosen.items() if where not in declared}
    names = {
        where: str(item.fields.get("host") or item.fields.get("name") or item.name) for where, item in left.items()
    }
    return {where: (names[where], item.owner) for where, item in sorted(left.items())}


def _differing(change: Change) -> list[FieldChange]:
    """What the server shows otherwise than it is declared."""
    if change.action not in (Action.UPDATE, Action.REPLACE):
        return []
    shown = (item for item in change.fields if item.path != STATE)
    return [item for item in shown if not (item.unknown or item.secret or is_hidden(change, item.path))]
