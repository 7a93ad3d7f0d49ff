"""An apply without a person: `watch --apply` makes changes that `policy.auto` allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.operations.apply_run import apply_approved
from reconciler.operations.inventory_loader import load_inventory

if TYPE_CHECKING:
    from reconciler.operations.apply_run import ApplyResult
    from reconciler.operations.runtime import Runtime

OPERATION: Final = "watch"
"""What the journal and the lock call it."""


def apply_automatically(
    path: Path,
    approved: Sequence[Mapping[str, Any]],
    digest: str,
    runtime: Runtime,
    *,
    lab: bool,
    parallelism: int,
) -> ApplyResult | None:
    """Make those of the `approved` changes (of a plan, in their JSON form) that still fit, with no waiver, and verify.
    None if the inventory is no longer the one with the digest `digest`: its policy may have changed. Raises what
    `apply` does; LockHeld while another run changes the server."""
    inventory = load_inventory(path, runtime, lab=lab)
    if inventory.digest != digest:
        return None
    return apply_approved(inventory, approved, runtime, operation=OPERATION, lab=lab, parallelism=parallelism)
