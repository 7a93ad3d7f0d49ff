"""A certificate of ours, with its key, for TLS: read from the inventory's files and put into a context."""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.clients.http.tls import Peer, context_for
from reconciler.model.errors import AuthenticationFailed

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from reconciler.model.connection import Certificate
    from reconciler.model.secret import SecretResolver

_MOST = 64
_making = Lock()
_contexts: dict[tuple[ssl.SSLContext, bytes], ssl.SSLContext] = {}
"""By the context of the trust alone, and the digest of the certificate."""


def shown(peer: Peer, certificate: Certificate, resolver: SecretResolver, root: str) -> ssl.SSLContext:
    """A context for `peer` whose connections show the certificate; one for all hosts with the same trust and
    certificate, because making one costs more than a whole login.

    Raises SecretError, what `context_for` raises, and AuthenticationFailed where certificate or key cannot be read.
    """
    from cryptography.hazmat.primitives import serialization

    key, chain = _read(certificate, resolver, root, peer.name)
    if peer.trust.fingerprint:
        return _loaded(context_for(peer, root), certificate, key, chain, peer)  # its own: pins are compared anew
    public = b"".join(item.public_bytes(serialization.Encoding.DER) for item in chain)
    mark = (context_for(peer, root), hashlib.sha256(public).digest())
    with _making:
        if mark not in _contexts:
            if len(_contexts) >= _MOST:
                _contexts.clear()
            _contexts[mark] = _loaded(context_for(peer, root, shared=False), certificate, key, chain, peer)
        return _contexts[mark]


def _loaded(
    context: ssl.SSLContext, certificate: Certificate, key: PrivateKeyTypes, chain: list[x509.Certificate], peer: Peer
) -> ssl.SSLContext:
    context.post_handshake_auth = True  # Windows asks for the certificate only after the handshake of TLS 1.3
    with _files(key, chain) as (file, sealed_key, password):
        try:
            context.load_cert_chain(file, sealed_key, password)
        except ssl.SSLError as error:
            reason = f"certificate and key of {certificate.name} do not belong together"
            raise AuthenticationFailed(peer.name, "logging in", reason, hint="Compare `cert` and `key`.") from error
    return context


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
