"""A rehearsal: the lab built as an inventory was, so that a plan of what it has become can be made against it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.console import Console
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.inventory_loader import load_inventory

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.operations.session import PlanResult, Session


def rehearse(console: Console, inventory: Inventory, base: str, *, parallel: int) -> str | None:
    """Start the lab of `inventory` anew as `base` says: a file or folder, or a revision of git. Returns the revision,
    None for a path. Raises Diagnosed, UnknownRevision, LabError, and RemoteError where the old one cannot be applied.
    """
    from reconciler.operations.lab import reset_lab
    from reconciler.operations.session import open_session

    old, revision = _old(console, inventory, base)
    reset_lab(inventory.name, console.runtime)
    if old is None:
        console.say(f"There was no inventory at {base}: the rehearsal starts with an empty server.")
        return revision
    console.say(f"Rehearsal: the lab of {inventory.name} starts anew, as {base} says.")
    with open_session(replace(old, name=inventory.name), console.runtime, lab=True, parallel=parallel) as world:
        _apply(world, base)
    return revision


def _old(console: Console, inventory: Inventory, base: str) -> tuple[Inventory | None, str | None]:
    from reconciler.cli.reviewing import history_of, inventory_at, no_history

    if Path(base).exists():
        return load_inventory(Path(base), console.runtime, lab=True), None
    history = history_of(inventory)
    if history is None:
        raise no_history(inventory, base)
    return inventory_at(history, history.base(base), inventory.main), base


def _apply(world: Session, base: str) -> None:
    from reconciler.apply import Remember, apply

    sight: PlanResult = world.plan()
    remember = Remember(world.inventory, sight.live, sight.recall, world.memory, sight.scope)
    remember.begin(sight.plan)
    site = world.apply_context(sight.live)
    with closing(site.sessions):
        result = apply(sight.plan, site, listen=remember, parallel=world.parallel)
    after = world.plan()
    remember.settle(after.plan)
    failed = sorted(end.key for end in result.outcomes.values() if end.outcome.value != "done")
    if failed:
        detail = f"What {base} says could not be built in the lab: {', '.join(failed)}."
        fix = "The plan would be made against half a world. Apply the older inventory to a lab of its own to see why."
        raise Diagnosed([Diagnostic("rehearsal", "The rehearsal has no base", detail, fix)])
