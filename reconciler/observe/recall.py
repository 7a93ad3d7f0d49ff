"""Collects what planning needs about secrets: keyed fingerprints, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.kinds import KINDS, Mode
from reconciler.model.errors import SecretError
from reconciler.model.recall import Recall
from reconciler.model.value import UNKNOWN

if TYPE_CHECKING:
    from reconciler.journal import AppliedState
    from reconciler.model.connection import Access, ConnectionContext, Credential
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.recall import Memory


def recall(
    inventory: Inventory, memory: Memory, *, access: Access, context: ConnectionContext, applied_state: AppliedState
) -> Recall:
    """What was applied last, the current fingerprints of all secrets, and the thumbprint of the declared
    certificate."""
    marks: dict[str, str] = {}
    secrets: dict[str, dict[str, str]] = {}
    for kind in KINDS.values():
        for field in (field for field in kind.fields if field.mode is Mode.WRITE_ONLY):
            for resource in inventory.of_kind(kind.name):
                name = resource.fields.get(field.name)
                login = access.credentials.get(name) if isinstance(name, str) else None
                if login is None:
                    continue
                if login.name not in marks:
                    marks[login.name] = _fingerprint(login, context, applied_state)
                if marks[login.name]:
                    secrets.setdefault(resource.address, {})[field.name] = marks[login.name]
    derived: dict[str, dict[str, Any]] = {
        str(resource.address): _thumbprint(resource, access, context) for resource in inventory.of_kind("certificate")
    }
    return Recall(memory.applied, secrets, derived, memory.identities)


def scope_of(inventory: Inventory, installation: str) -> str:
    """The key of applied values: one installation of the product and one inventory. A server that does not show its
    installation (before v6) goes by its name in the inventory: once it does, what is recorded under that name is its.
    """
    return f"{installation or inventory.access.server.host}/{inventory.name}"


def _fingerprint(login: Credential, context: ConnectionContext, applied_state: AppliedState) -> str:
    """Fingerprint of a whole credential; empty if a part of it cannot be resolved."""
    try:
        values = [context.secret(reference).reveal() for reference in login.secrets.values()]
    except SecretError:
        return ""
    return applied_state.fingerprint("\0".join([login.username, *values]))


def _thumbprint(resource: Resource, access: Access, context: ConnectionContext) -> dict[str, Any]:
    from reconciler.inventory.certificates import thumbprint

    certificate = access.certificates.get(str(resource.fields.get("certificate")))
    if certificate is None:
        return {"thumbprint": UNKNOWN}
    try:
        return {"thumbprint": thumbprint(certificate, context)}
    except SecretError:
        return {"thumbprint": UNKNOWN}
