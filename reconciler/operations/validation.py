"""`validate`: all errors and warnings of an inventory, offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.model.inventory import Inventory
    from reconciler.model.position import Position
    from reconciler.model.secret import SecretRef


@dataclass(frozen=True, slots=True)
class Validation:
    """`inventory` is None if it cannot be read at all. `diagnostics` are in the order of the files."""

    inventory: Inventory | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def status(self) -> Status:
        """ERROR if there is an error; warnings are none."""
        broken = self.inventory is None or any(item.is_error for item in self.diagnostics)
        return Status.ERROR if broken else Status.OK

    @property
    def objects(self) -> Mapping[str, int]:
        """How many objects of each kind are declared."""
        if self.inventory is None:
            return {}
        return dict(sorted(Counter(item.kind for item in self.inventory.resources.values()).items()))


def validate(
    path: Path | str,
    *,
    include_root: Path | None = None,
    trust: Path | None = None,
    secrets: Mapping[str, str] | None = None,
    known: Path | None = None,
    webhook: str = "",
) -> Validation:
    """Check the inventory at `path`, a file or a folder. What it includes is below its folder, or below `include_root`;
    what it reaches, believes and runs is allowed by the file `trust`, if there is one. With `secrets`, environment
    variables, every secret of an inventory without errors is resolved too, and not used. `known` is a file of known
    drift, which is checked as well, and `webhook` the `notify_url` of a fleet. Raises OSError for a file that cannot be
    read, and Diagnosed for a file of trust that cannot be used."""
    from reconciler.operations.inventory_loader import distrusted_by, read_inventory, read_known

    inventory, found = read_inventory(Path(path), include_root=include_root)
    found = [*found, *read_known(known, Path(path))[1]]
    if inventory is not None and trust is not None:
        found = [*found, *distrusted_by(trust, inventory)]
    if inventory is not None and secrets is not None and not any(item.is_error for item in found):
        found = [*found, *_unresolved(inventory, secrets, webhook)]
    return Validation(inventory, tuple(found))


def _unresolved(inventory: Inventory, environment: Mapping[str, str], webhook: str) -> Iterator[Diagnostic]:
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.model.errors import SecretError
    from reconciler.operations.secrets import open_resolver

    access = inventory.access
    with open_resolver(access, environment) as resolver:
        for what, reference, position in (*_references(inventory), *_of_webhook(webhook)):
            try:
                resolver.resolve(reference)
            except SecretError as error:
                reason, _, fix = str(error).removeprefix(f"{reference}: ").partition("; ")
                yield Diagnostic(
                    code="unresolved-secret",
                    summary="Secret cannot be resolved",
                    detail=f"{what} is {reference}: {reason}.",
                    fix=error.hint or (f"{fix[:1].upper()}{fix[1:]}." if fix else ""),
                    position=position,
                )


def _references(inventory: Inventory) -> Iterator[tuple[str, SecretRef, Position | None]]:
    """What each reference is for, and where it stands."""
    access = inventory.access
    for section, entries in (("credentials", access.credentials), ("certificates", access.certificates)):
        for name, entry in entries.items():
            for field, reference in entry.secrets.items():
                position = inventory.positions.get(f"{section}.{name}.{field}")
                yield f"`{field}` of {section}.{name}", reference, position


def _of_webhook(url: str) -> Iterator[tuple[str, SecretRef, Position | None]]:
    from reconciler.model.secret import SecretRef

    if url.startswith("secret://"):
        with suppress(ValueError):  # a reference that is none is an error of the fleet's file
            yield "`notify_url`", SecretRef.parse(url), None
