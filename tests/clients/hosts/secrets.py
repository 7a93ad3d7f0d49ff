"""A resolver for the tests: the path of a reference is the secret."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.connection import ConnectionContext
from reconciler.model.secret import Secret, SecretRef


class Resolver:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(reference.path)


def context(root: Path = Path("/")) -> ConnectionContext:
    return ConnectionContext(Resolver(), str(root))
