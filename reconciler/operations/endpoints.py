"""Where the server and the hosts of an inventory are: as it says, or in the lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.connection import ConnectionContext
from reconciler.operations.paths import lab_folder

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.model.connection import Access
    from reconciler.model.inventory import Inventory
    from reconciler.model.secret import SecretResolver
    from reconciler.operations.lab import Lab
    from reconciler.operations.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What is needed to connect. `lab` and the `folder` of its state are None outside of the lab."""

    access: Access
    resolver: SecretResolver
    lab: Lab | None = None
    folder: Path | None = None

    @property
    def context(self) -> ConnectionContext:
        return ConnectionContext(self.resolver, self.access.root)


@contextmanager
def open_endpoints(inventory: Inventory, runtime: Runtime, *, lab: bool) -> Iterator[Endpoints]:
    """The endpoints of an inventory. Connects to nothing; with `lab` the lab runs until the end of the context."""
    if not lab:
        yield Endpoints(inventory.access, real_secrets(inventory, runtime))
        return
    from reconciler.operations.lab import open_lab

    folder = lab_folder(inventory.name, runtime.environment)
    runtime.report("Working in the lab: an emulation on this machine. Nothing real is reached.")
    with open_lab(inventory, runtime) as running:
        yield Endpoints(running.redirect(inventory.access), running.resolver, running, folder)


def real_secrets(inventory: Inventory, runtime: Runtime) -> SecretResolver:
    """Resolves the secret references of an inventory where they point to, also in the lab."""
    from reconciler.inventory.secrets import Resolver

    access = inventory.access
    return Resolver(access.root, access.commands, environment=runtime.environment)
