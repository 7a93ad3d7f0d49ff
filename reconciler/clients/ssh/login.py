"""Login with SSH: a private key, with a certificate if there is one, the keys of an agent, or a password."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko

from reconciler import timing
from reconciler.model.errors import AuthenticationFailed
from reconciler.user_folders import is_windows

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

    from reconciler.model.connection import Connection, ConnectionContext, Credential
    from reconciler.model.secret import SecretRef


def login_arguments(connection: Connection, context: ConnectionContext) -> dict[str, Any]:
    """Arguments of paramiko's connect. Raises SecretError, and AuthenticationFailed for unusable credentials.

    With a key or an agent the password is not tried: it is for sudo, and a wrong key must not use up a password
    attempt. Keys of the operator are used only if declared: several wrong keys lock an account out.
    """
    credential, peer = connection.credential, connection.peer
    login: dict[str, Any] = {"allow_agent": False, "look_for_keys": False}
    if credential is None:
        return login
    if credential.private_key is not None:
        login["pkey"] = _key(credential, credential.private_key, context, peer)
    if credential.agent:
        _check_agent(peer)
        login["allow_agent"] = True
    elif credential.private_key is None and credential.password is not None:
        login["password"] = context.reveal(credential.password)
    elif credential.private_key is None:
        hint = "Give it `password` or `private_key`, or `agent: true` for the keys of the SSH agent."
        raise AuthenticationFailed(peer, "logging in", f"the credential {credential.name} has no secret", hint=hint)
    return login


def _key(credential: Credential, key: SecretRef, context: ConnectionContext, peer: str) -> paramiko.PKey:
    text = context.secret(key).reveal()
    loaded = load_key(text, context.reveal(credential.passphrase), peer)
    if credential.certificate_file:
        file = context.file(credential.certificate_file)
        loaded.load_certificate(_certificate(file, loaded, peer))
    return loaded


def _certificate(file: Path, key: paramiko.PKey, peer: str) -> str:
    """The text of a user certificate, verified to be for this key and valid now."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, SSHCertificateType

    try:
        text = file.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is not text"
        raise _unfit(peer, f"{file.name} cannot be read: {why}") from error
    found = _parsed(text)
    if found is None or found.type is not SSHCertificateType.USER:
        raise _unfit(peer, f"{file.name} holds no OpenSSH certificate of a user")
    line = found.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    if line.split()[1] != key.get_base64():
        raise _unfit(peer, f"{file.name} belongs to another key")
    if not found.valid_after <= timing.epoch() < found.valid_before:
        raise _unfit(peer, f"{file.name} is not valid now")
    return text.strip()


def _parsed(text: str) -> SSHCertificate | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

    try:
        found = load_ssh_public_identity(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, SSHCertificate) else None


def _check_agent(peer: str) -> None:
    """The library does not distinguish a missing agent from one whose keys are rejected."""
    what, hint = "asking the SSH agent", "Does it still run? Try ssh-add -l."
    if not is_windows():  # there it is a service with a pipe, or Pageant, which the library looks for
        _check_socket(peer, what, hint)
    agent = paramiko.Agent()
    try:
        keys = agent.get_keys()
    except (paramiko.SSHException, OSError) as error:
        raise AuthenticationFailed(peer, what, str(error), hint=hint) from error
    finally:
        agent.close()
    if not keys:
        if is_windows():
            started = "Start it, and give it a key:\n  Start-Service ssh-agent\n  ssh-add FILE"
            raise AuthenticationFailed(peer, what, "none runs, or it holds no key", hint=started)
        raise AuthenticationFailed(peer, what, "it holds no key", hint="Give it one: ssh-add FILE")


def _check_socket(peer: str, what: str, hint: str) -> None:
    place = os.environ.get("SSH_AUTH_SOCK")
    if not place:
        raise AuthenticationFailed(peer, what, "SSH_AUTH_SOCK is not set", hint="Start one: eval $(ssh-agent)")
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(place)
    except OSError as error:
        raise AuthenticationFailed(peer, what, f"{place}: {error.strerror or error}", hint=hint) from error


def load_key(text: str, passphrase: str | None, peer: str) -> paramiko.PKey:
    """Load the private key in `text` (OpenSSH or PEM; ed25519, RSA or ECDSA). It stays in memory."""
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
    raise _unusable(peer, "this type of private key is not supported with SSH", "Use ed25519, RSA or ECDSA.")


def _unusable(peer: str, why: str, hint: str) -> AuthenticationFailed:
    return AuthenticationFailed(peer, "reading its private key", why, hint=hint)


def _unfit(peer: str, why: str) -> AuthenticationFailed:
    hint = "`certificate_file` is the certificate of the public key of `private_key` (id_ed25519-cert.pub)."
    return AuthenticationFailed(peer, "reading the certificate of its login", why, hint=hint)
