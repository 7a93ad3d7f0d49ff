"""What planning knows besides the inventory and the live world: what was applied last, and what secrets are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Recall:
    """Everything by address and then by field.

    `applied` holds digests of the values that were last applied (for a secret: its fingerprint). `secrets` holds the
    fingerprints of the secrets as they are now; one that could not be resolved is not in it. `derived` holds wanted
    values that are not written in the inventory but follow from files (the thumbprint of a certificate).
    """

    applied: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    derived: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
