"""A rehearsal: the lab as an older inventory declares it, so that a plan against that can be made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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

    with _old(inventory, base, runtime) as old:
        reset_lab(runtime.lab_name or inventory.name, runtime)
        if old is None:
            runtime.report(f"{base} has no such inventory: the rehearsal starts with an empty server.")
        else:
            runtime.report(f"Rehearsal: the lab of {inventory.name} is reset, and {base} is applied to it.")
            named = replace(old, name=inventory.name)
            with (
                open_session(named, runtime, lab=True, parallel=parallel) as session,
                runtime.waiting(f"Applying {base} to the lab"),
            ):
                _apply(session, base, runtime)
    return None if Path(base).exists() else base


@contextmanager
def _old(inventory: Inventory, base: str, runtime: Runtime) -> Iterator[Inventory | None]:
    """The older inventory, which can be applied until the end of the context."""
    from reconciler.operations.git_history import inventory_at_base
    from reconciler.operations.inventory_loader import load_inventory
    from reconciler.requirements import load_for

    if Path(base).exists():
        yield load_inventory(Path(base), runtime, lab=True)
        return
    with inventory_at_base(inventory, base) as found:
        if found is not None:
            load_for(found)  # fails here, while the lab is as it was
        yield found


def _apply(session: Session, base: str, runtime: Runtime) -> None:
    from reconciler.operations.events import ignore
    from reconciler.operations.execution import execute, recorder_of
    from reconciler.operations.runtime import unwatched

    planned = session.plan()
    recorder = recorder_of(session, planned)
    silent = replace(runtime, listen=ignore, watch=unwatched)
    done = execute(session, planned.plan, planned.live, silent, recorder=recorder)
    after = session.plan(verifies=True)
    recorder.settle(after.whole, after.live)
    failed = sorted(end.key for end in done.result.outcomes.values() if end.outcome.value != "done")
    if failed:
        detail = f"{base} could not be applied to the lab: {', '.join(failed)}."
        fix = "The plan would be against half a server. Apply the older inventory to its own lab to see why."
        raise Diagnosed([Diagnostic("rehearsal", "The rehearsal has no base", detail, fix)])
