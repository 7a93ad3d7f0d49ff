"""A certificate of ours, with its key, for TLS: read from the inventory's files and put into a context."""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import AuthenticationFailed

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from reconciler.model.connection import Certificate
    from reconciler.model.secret import SecretResolver


def show(context: ssl.SSLContext, certificate: Certificate, resolver: SecretResolver, root: str, *, peer: str) -> None:
    """Let connections of `context` show the certificate. `peer` is for messages.

    Raises SecretError, and AuthenticationFailed where certificate or key cannot be read.
    """
    context.post_handshake_auth = True  # Windows asks for the certificate only after the handshake of TLS 1.3
    key, chain = _read(certificate, resolver, root, peer)
    with _files(key, chain) as (file, sealed_key, password):
        context.load_cert_chain(file, sealed_key, password)


@contextmanager
def _files(key: PrivateKeyTypes, chain: list[x509.Certificate]) -> Iterator[tuple[Path, Path, str]]:
    """(certificate chain, private key, password of the key) as files, because Python's TLS takes nothing else.

    The key is never there in clear: it is encrypted with a password that exists in this process only, in a folder
    of our own, and gone when the block ends.
    """
    from cryptography.hazmat.primitives import serialization

    password = secrets.token_urlsafe(32)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    with tempfile.TemporaryDirectory(prefix="vbo-reconcile-") as folder:
        files = Path(folder, "chain.pem"), Path(folder, "key.pem")
        files[0].write_bytes(b"".join(item.public_bytes(serialization.Encoding.PEM) for item in chain))
        with os.fdopen(os.open(files[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sealed)
        yield *files, password


def _read(
    certificate: Certificate, resolver: SecretResolver, root: str, peer: str
) -> tuple[PrivateKeyTypes, list[x509.Certificate]]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

    passphrase = resolver.resolve(certificate.passphrase).reveal().encode() if certificate.passphrase else None
    try:
        if certificate.pfx:
            data = Path(root, certificate.pfx).read_bytes()
            key, leaf, others = pkcs12.load_key_and_certificates(data, passphrase)
            if key is not None and leaf is not None:
                return key, [leaf, *others]
        chain = x509.load_pem_x509_certificates(Path(root, certificate.cert).read_bytes())
        text = resolver.resolve(certificate.key).reveal() if certificate.key else ""
        return load_pem_private_key(text.encode(), passphrase), chain
    except (OSError, ValueError, TypeError) as error:
        raise AuthenticationFailed(
            peer,
            f"reading the certificate {certificate.name}",
            "the file or its key cannot be read, or the passphrase is wrong",
            hint="`cert` is a PEM file found relative to the inventory, `key` the text of its private key; or `pfx`.",
        ) from error
