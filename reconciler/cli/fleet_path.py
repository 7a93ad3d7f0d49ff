"""Whether a command is for one inventory or for the inventories of a fleet, before anything of fleets is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.operations.fleet import Fleet


def fleet_at(path: Path, servers: Sequence[str]) -> Fleet | None:
    """The fleet at PATH; None for an inventory. Raises Diagnosed for what is wrong with it."""
    from reconciler.inventory.fleet_file import is_fleet

    if is_fleet(path):
        from reconciler.operations.fleet import read_fleet

        return read_fleet(path)
    if servers:
        raise click.UsageError("--server selects inventories of a fleet; this is an inventory.")
    return None
