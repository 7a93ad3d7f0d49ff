"""What planning knows besides the inventory and the live world: what was applied last, and what secrets are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.model.address import kind_of


@dataclass(frozen=True, slots=True)
class Identity:
    """The object of the server that an address stood for at the last apply: its id, and whether it carried the mark of
    the inventory."""

    id: str
    ours: bool = False


@dataclass(frozen=True)
class Memory:
    """What the journal holds of one installation and one inventory, by address. `applied` are digests by field (for a
    secret: its fingerprint). It may be older than the server, which may have been restored or set up anew."""

    applied: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)

    def address_of(self, kind: str, ident: str) -> str:
        """The address that an object of the server had at the last apply; empty if it was none. Ids are compared
        without letter case."""
        return self._addresses.get((kind, ident.lower()), "")

    def is_ours(self, kind: str, ident: str) -> bool:
        """Whether an object carried the mark of the inventory at the last apply."""
        found = self.identities.get(self.address_of(kind, ident))
        return found is not None and found.ours

    @cached_property
    def _addresses(self) -> Mapping[tuple[str, str], str]:
        return {
            (kind_of(where), found.id.lower()): where for where, found in sorted(self.identities.items()) if found.id
        }


@dataclass(frozen=True, slots=True)
class Recall:
    """Everything by address and then by field.

    `applied` and `identities` are as in `Memory`. `secrets` holds the fingerprints of the secrets as they are now; one
    that could not be resolved is not in it. `derived` holds wanted values that are not written in the inventory but
    follow from files (the thumbprint of a certificate).
    """

    applied: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    derived: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)

    @property
    def memory(self) -> Memory:
        return Memory(self.applied, self.identities)
