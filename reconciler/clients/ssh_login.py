"""How we log in with SSH: a key or a password from the inventory; without either, what the operator's agent has."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import paramiko

from reconciler.model.errors import AuthenticationFailed

if TYPE_CHECKING:
    from reconciler.model.connection import Connection
    from reconciler.model.secret import SecretResolver


def login_arguments(connection: Connection, resolver: SecretResolver) -> dict[str, Any]:
    """Arguments of paramiko's connect. Raises SecretError, and AuthenticationFailed for a key that cannot be read.

    With a key the password is not tried: it is sudo's, and a wrong key shall not burn a password attempt.
    """
    credential = connection.credential
    nothing = credential is None or (credential.private_key is None and credential.password is None)
    login: dict[str, Any] = {"allow_agent": nothing, "look_for_keys": nothing}
    if credential is None or nothing:
        return login
    if credential.private_key is not None:
        text = resolver.resolve(credential.private_key).reveal()
        passphrase = resolver.resolve(credential.passphrase).reveal() if credential.passphrase else None
        return {**login, "pkey": load_key(text, passphrase, connection.peer)}
    if credential.password is not None:
        login["password"] = resolver.resolve(credential.password).reveal()
    return login


def load_key(text: str, passphrase: str | None, peer: str) -> paramiko.PKey:
    """The private key in `text` (OpenSSH or PEM; ed25519, RSA or ECDSA), kept in memory only."""
    from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    data = text.strip().encode() + b"\n"
    load = serialization.load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else serialization.load_pem_private_key
    try:
        key = load(data, passphrase.encode() if passphrase else None)
    except TypeError as error:  # a passphrase is missing, or given for a key that needs none
        if passphrase:
            return load_key(text, None, peer)
        raise _unusable(peer, "the private key is encrypted", "Give the credential its `passphrase`.") from error
    except (ValueError, InvalidTag, UnsupportedAlgorithm) as error:
        why = "the passphrase of the private key is wrong" if passphrase else "the private key cannot be read"
        raise _unusable(peer, why, "Give the whole text of the key file, OpenSSH or PEM.") from error
    kinds: list[tuple[type, type[paramiko.PKey]]] = [
        (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
        (rsa.RSAPrivateKey, paramiko.RSAKey),
        (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
    ]
    for kind, build in kinds:
        if isinstance(key, kind):
            clear = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
            return build.from_private_key(io.StringIO(clear.decode()))
    raise _unusable(peer, "a private key of this kind is not used with SSH", "Use ed25519, RSA or ECDSA.")


def _unusable(peer: str, why: str, hint: str) -> AuthenticationFailed:
    return AuthenticationFailed(peer, "reading its private key", why, hint=hint)
