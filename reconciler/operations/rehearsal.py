"""A rehearsal: the lab as an older inventory declares it, so that a plan against that can be made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.diagnostic import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.operations.runtime import Runtime
    from reconciler.operations.session import Session


def rehearse(inventory: Inventory, base: str, runtime: Runtime, *, parallel: int) -> str | None:
    """Reset the lab of `inventory` and apply `base` to it: a file or folder, or a git revision. Returns the revision,
    None for a path. Raises Diagnosed, UnknownRevision, LabError, and RemoteError if the old one cannot be applied.
    """
    from reconciler.operations.lab import reset_lab
    from reconciler.operations.session import open_session

    old, revision = _old(inventory, base, runtime)
    reset_lab(inventory.name, runtime)
    if old is None:
        runtime.report(f"{base} has no such inventory: the rehearsal starts with an empty server.")
        return revision
    runtime.report(f"Rehearsal: the lab of {inventory.name} is reset, and {base} is applied to it.")
    with open_session(replace(old, name=inventory.name), runtime, lab=True, parallel=parallel) as session:
        _apply(session, base, runtime)
    return revision


def _old(inventory: Inventory, base: str, runtime: Runtime) -> tuple[Inventory | None, str | None]:
    from reconciler.operations.git_history import inventory_at_base
    from reconciler.operations.inventory_loader import load_inventory

    if Path(base).exists():
        return load_inventory(Path(base), runtime, lab=True), None
    return inventory_at_base(inventory, base), base


def _apply(session: Session, base: str, runtime: Runtime) -> None:
    from reconciler.operations.execution import execute, recorder_of
    from reconciler.operations.runtime import Runtime

    planned = session.plan()
    recorder = recorder_of(session, planned)
    silent = Runtime(environment=runtime.environment, clock=runtime.clock, include_root=runtime.include_root)
    done = execute(session, planned.plan, planned.live, silent, recorder=recorder)
    after = session.plan(verifies=True)
    recorder.settle(after.whole, after.live)
    failed = sorted(end.key for end in done.result.outcomes.values() if end.outcome.value != "done")
    if failed:
        detail = f"{base} could not be applied to the lab: {', '.join(failed)}."
        fix = "The plan would be against half a server. Apply the older inventory to its own lab to see why."
        raise Diagnosed([Diagnostic("rehearsal", "The rehearsal has no base", detail, fix)])
