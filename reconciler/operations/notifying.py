"""Sending a notice to a webhook, outside of any session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ReconcileError, RemoteError
from reconciler.model.secret import Secret, SecretRef
from reconciler.operations.errors import InvalidOption

if TYPE_CHECKING:
    from reconciler.operations.runtime import Runtime


def secret_of(text: str, runtime: Runtime) -> Secret:
    """The value of a secret reference `secret://env|file|keyring/…`; any other text is the value itself. Raises
    SecretError and ReconcileError."""
    from reconciler.inventory.secrets import Resolver

    if not text.startswith("secret://"):
        return Secret(text)
    try:
        reference = SecretRef.parse(text)
    except ValueError as error:
        raise ReconcileError(str(error)) from error
    return Resolver(".", environment=runtime.environment).resolve(reference)


def check_address(text: str) -> None:
    """Raises InvalidOption for what is neither the address of a webhook nor a secret reference. References are not
    resolved."""
    from reconciler.clients.http.webhook import peer_of

    try:
        if text.startswith("secret://"):
            SecretRef.parse(text)
        else:
            peer_of(Secret(text))
    except (ValueError, RemoteError) as error:
        reason = error.reason if isinstance(error, RemoteError) else str(error)
        raise InvalidOption(f"the webhook cannot be notified: {reason}") from None


def send(address: str, message: Mapping[str, Any], runtime: Runtime, *, lab: bool) -> bool:
    """POST `message` to `address`, which may be a secret reference. What is found in the lab is sent to this machine
    only; otherwise returns False. Raises RemoteError, SecretError and ReconcileError."""
    from reconciler.clients.http.webhook import is_local, post

    url = secret_of(address, runtime)
    if lab and not is_local(url):
        return False
    post(url, message)
    return True
