"""TLS contexts with a client certificate."""

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
from reconciler.inventory.certificates import key_and_chain
from reconciler.model.errors import AuthenticationFailed

if TYPE_CHECKING:
    from cryptography import x509

    from reconciler.inventory.certificates import Key
    from reconciler.model.connection import Certificate, ConnectionContext

_MOST = 64
_making = Lock()
_contexts: dict[tuple[ssl.SSLContext, bytes], ssl.SSLContext] = {}
"""By the context of the trust alone, and the digest of the certificate."""


def client_certificate_context(peer: Peer, certificate: Certificate, context: ConnectionContext) -> ssl.SSLContext:
    """A TLS context for `peer` that presents the certificate. Hosts with the same trust and certificate share one,
    because making one takes longer than a whole login.

    Raises SecretError, what `context_for` raises, and AuthenticationFailed if certificate and key do not match.
    """
    from cryptography.hazmat.primitives import serialization

    key, chain = key_and_chain(certificate, context)
    if peer.trust.fingerprint:
        return _loaded(context_for(peer, context.root), certificate, key, chain, peer)  # pins are compared every time
    public = b"".join(item.public_bytes(serialization.Encoding.DER) for item in chain)
    shared = (context_for(peer, context.root), hashlib.sha256(public).digest())
    with _making:
        if shared not in _contexts:
            if len(_contexts) >= _MOST:
                _contexts.clear()
            own = context_for(peer, context.root, shared=False)
            _contexts[shared] = _loaded(own, certificate, key, chain, peer)
        return _contexts[shared]


def _loaded(
    tls: ssl.SSLContext, certificate: Certificate, key: Key, chain: list[x509.Certificate], peer: Peer
) -> ssl.SSLContext:
    tls.post_handshake_auth = True  # Windows asks for the certificate only after the handshake of TLS 1.3
    with _files(key, chain) as (file, sealed_key, password):
        try:
            tls.load_cert_chain(file, sealed_key, password)
        except ssl.SSLError as error:
            reason = f"certificate and key of {certificate.name} do not belong together"
            raise AuthenticationFailed(peer.name, "logging in", reason, hint="Compare `cert` and `key`.") from error
    return tls


@contextmanager
def _files(key: Key, chain: list[x509.Certificate]) -> Iterator[tuple[Path, Path, str]]:
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
