"""Operations that change nothing: `plan`, `drift` and `diff`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.operations.errors import InvalidOption
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.request import PlanRequest, Selection
from reconciler.operations.runtime import Runtime
from reconciler.operations.status import Status, plan_status

if TYPE_CHECKING:
    from reconciler.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, and its JSON form as `schemas/plan.schema.json` describes it. `expires` is set if it was saved;
    `is_found` is whether `apply` then finds its inventory from the working folder by itself."""

    plan: Plan
    document: Mapping[str, Any]
    expires: datetime | None = None
    is_found: bool = True

    @property
    def status(self) -> Status:
        """ERROR, REFUSED, PENDING or OK: the first that holds. `drift` and `diff` are never refused."""
        return plan_status(self.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """`lab` plans against the lab. `base` is a git revision: changes that were not caused since are marked, and in the
    lab it (or the inventory at that path) is applied first. `save_to` is a file for the plan, which can be applied for
    `expires_after` hours; `sign` is the SSH key to sign it with. `parallelism` is how many hosts are read at a time.
    The rest is as in `PlanRequest`.
    """

    lab: bool = False
    base: str | None = None
    selection: Selection = field(default_factory=Selection)
    waivers: Mapping[str, str] = field(default_factory=dict)
    require_complete: bool = False
    batch: str = ""
    adopt: bool = False
    save_to: Path | None = None
    sign: Path | None = None
    expires_after: float = 24
    parallelism: int = 16


def plan(path: Path | str, options: PlanOptions | None = None, runtime: Runtime | None = None) -> Preview:
    """What would change to make the live state as the inventory at `path` declares. Nothing is written to the server
    or a host. Raises Diagnosed, RemoteError, SecretError, JournalError, UnknownRevision, LabError, and OSError."""
    from reconciler.operations.locked_run import report_other_run
    from reconciler.operations.part_of_plan import plan_of_part
    from reconciler.operations.plan_document import plan_document
    from reconciler.operations.plan_file import is_found, save_plan
    from reconciler.operations.rehearsal import rehearse
    from reconciler.operations.session import open_session

    asked, runtime = options or PlanOptions(), runtime or Runtime()
    if asked.sign is not None and asked.save_to is None:
        raise InvalidOption("--sign is for a saved plan: add --out FILE.")
    inventory = load_inventory(Path(path), runtime, lab=asked.lab)
    base = asked.base
    if asked.lab and base:
        base = rehearse(inventory, base, runtime, parallel=asked.parallelism)
    request = PlanRequest(
        waivers=asked.waivers,
        require_complete=asked.require_complete,
        selection=asked.selection,
        batch=asked.batch,
        adopt=asked.adopt,
    )
    with open_session(inventory, runtime, lab=asked.lab, parallel=asked.parallelism) as session:
        report_other_run(session, runtime)
        made = plan_of_part(session, request).plan
    document = plan_document(made, inventory, runtime, base=base)
    expires, found = None, True
    if asked.save_to is not None:
        hours, now = asked.expires_after, runtime.clock()
        expires = save_plan(document, asked.save_to, hours=hours, created=now, key=asked.sign)
        found = is_found(document, inventory)
    return Preview(made, document, expires, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOptions:
    """`known` is a file with drift that is accepted (`schemas/known-drift.schema.json`). The rest is as in
    `PlanOptions`."""

    lab: bool = False
    selection: Selection = field(default_factory=Selection)
    known: Path | None = None
    parallelism: int = 16


def drift(path: Path | str, options: DriftOptions | None = None, runtime: Runtime | None = None) -> Preview:
    """Where the live state is not as the inventory at `path` declares, except for known drift that has not expired.
    Jobs that an apply would start are no drift. Raises what `plan` does."""
    from reconciler.operations.inventory_loader import load_with_known
    from reconciler.operations.locked_run import report_other_run
    from reconciler.operations.part_of_plan import plan_of_part
    from reconciler.operations.plan_document import plan_document
    from reconciler.operations.session import open_session
    from reconciler.plan.document import DRIFT
    from reconciler.plan.drift import drift_of, with_severity

    asked, runtime = options or DriftOptions(), runtime or Runtime()
    inventory, accepted = load_with_known(Path(path), asked.known, runtime, lab=asked.lab)
    with open_session(inventory, runtime, lab=asked.lab, parallel=asked.parallelism) as session:
        report_other_run(session, runtime)
        made = plan_of_part(session, PlanRequest(selection=asked.selection))
        today = session.clock().date()
    found = drift_of(made.plan, accepted, today)
    if asked.selection:
        shown = {change.key for change in found.changes}
        drifted = drift_of(made.whole, accepted, today).changes
        found = replace(found, not_selected=tuple(item.key for item in drifted if item.key not in shown))
    return Preview(found, with_severity(plan_document(found, inventory, runtime, mode=DRIFT)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """The older inventory: at the path `old`, or as the newer one was where its branch left the git revision `base`.
    Exactly one of them is given."""

    old: Path | None = None
    base: str | None = None


def diff(path: Path | str, options: DiffOptions, runtime: Runtime | None = None) -> Preview:
    """What the inventory at `path` would change where an older one is applied. Connects to nothing and needs no
    secret. Raises Diagnosed, InvalidOption, UnknownRevision and OSError."""
    from reconciler.operations.git_history import inventory_at_base
    from reconciler.operations.plan_document import plan_document
    from reconciler.plan.document import DIFF
    from reconciler.plan.offline import difference, nothing

    runtime = runtime or Runtime()
    if (options.old is None) == (options.base is None):
        raise InvalidOption("Give either the older inventory or a base.")
    wanted = load_inventory(Path(path), runtime, lab=True)
    if options.old is not None:
        made = difference(load_inventory(options.old, runtime, lab=True), wanted)
    else:
        with inventory_at_base(wanted, str(options.base)) as before:
            if before is not None and before.main != wanted.main:
                runtime.report(f"In {options.base} this inventory is {before.main}.")
            made = difference(before or nothing(wanted), wanted)
    return Preview(made, plan_document(made, wanted, runtime, mode=DIFF))


def graph(path: Path | str, runtime: Runtime | None = None) -> dict[str, Any]:
    """The topology that the inventory at `path` declares: `{inventory, nodes: [{address, kind, label}], edges: [[from,
    to]]}`. Connects to nothing and needs no secret. Raises Diagnosed."""
    from reconciler.plan.topology import declared_topology

    inventory = load_inventory(Path(path), runtime or Runtime(), lab=True)
    return {"inventory": inventory.name, **declared_topology(inventory)}
