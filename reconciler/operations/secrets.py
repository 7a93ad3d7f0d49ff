"""Where the secrets of an inventory are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.inventory.secrets import Resolver
    from reconciler.model.connection import Access
    from reconciler.model.secret import SecretRef


@contextmanager
def open_resolver(access: Access, environment: Mapping[str, str]) -> Iterator[Resolver]:
    """A resolver for one run. Connects to nothing yet; a login is ended with the context."""
    from reconciler.clients.vault import VaultSecrets
    from reconciler.inventory.secrets import Resolver

    def from_vault(reference: SecretRef) -> str:
        return vault.read(reference)

    resolver = Resolver(access.root, access.commands, sources={"vault": from_vault}, environment=environment)
    vault = VaultSecrets(access.vault, access.root, resolver.resolve, environment)
    try:
        yield resolver
    finally:
        vault.close()
