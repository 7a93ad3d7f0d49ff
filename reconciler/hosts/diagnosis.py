"""Errors at a host to diagnostics."""

from __future__ import annotations

from reconciler.model.address import address
from reconciler.model.connection import Connection
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import RemoteError, SecretError


def diagnose(error: RemoteError | SecretError, connection: Connection) -> Diagnostic:
    """What to tell about `error`, under the address of the host."""
    where = address("host", connection.name)
    if isinstance(error, RemoteError):
        detail = f"{error.peer}: {error.what}: {error.reason}"
        return Diagnostic(error.code, error.summary, detail, error.hint, address=where)
    fix = "Provide the secret where the inventory says that it is."
    return Diagnostic("secret", "Secret not available", str(error), fix, address=where)
