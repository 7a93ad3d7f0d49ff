"""Authentication for WinRM: contexts of NTLM and Kerberos, one for each connection, and client certificates.

pywinrm's Kerberos uses only the tickets in the operator's cache. This one also gets a ticket with the password or the
keytab of the credential, in memory: no kinit, no cache, no environment variables. What the system's library does on the
way to a KDC has the timeouts of krb5.conf.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from reconciler import randomness
from reconciler.clients.http.tls import Peer, context_for
from reconciler.installation import install_command
from reconciler.inventory.certificates import key_and_chain
from reconciler.model.errors import AuthenticationFailed
from reconciler.user_folders import is_windows

if TYPE_CHECKING:
    import spnego
    from cryptography import x509
    from spnego.channel_bindings import GssChannelBindings

    from reconciler.inventory.certificates import Key
    from reconciler.model.connection import Certificate, Connection, ConnectionContext, Credential

Begin = Callable[[bytes], "spnego.ContextProxy"]
"""Starts a login, bound to the TLS connection whose server certificate (DER) is given, if there is one."""

_MOST = 64
_making = Lock()
_contexts: dict[tuple[ssl.SSLContext, bytes], ssl.SSLContext] = {}
"""By the context without a client certificate, and the digest of the certificate."""


def has_kerberos() -> bool:
    """Windows has Kerberos; other systems need libraries that have to be compiled."""
    return sys.platform == "win32" or all(find_spec(name) is not None for name in ("gssapi", "krb5"))


def negotiation(connection: Connection, credential: Credential, context: ConnectionContext) -> Begin:
    """How to start logins with `credential`. Raises SecretError and AuthenticationFailed (incomplete credential)."""
    if credential.auth == "kerberos":
        return _kerberos(connection, credential, context)
    if credential.password is None:
        hint = f"Give the credential {credential.name} a `password`, or `auth: kerberos`."
        raise AuthenticationFailed(connection.peer, "logging in", "NTLM needs a password, and there is none", hint=hint)
    password = context.secret(credential.password)

    def begin(certificate: bytes) -> spnego.ContextProxy:
        import spnego

        return spnego.client(
            credential.username,
            password.reveal(),
            hostname=connection.identity,
            service="HTTP",
            protocol="ntlm",
            channel_bindings=_binding(certificate),
            options=spnego.NegotiateOptions.use_ntlm,  # only this credential, none of the system's
        )

    return begin


def _kerberos(connection: Connection, credential: Credential, context: ConnectionContext) -> Begin:
    if not has_kerberos():
        compiled = "" if is_windows() else " (it is compiled with the GSSAPI headers of this system)"
        hint = f"Install it{compiled}:\n  {install_command('kerberos')}"
        raise AuthenticationFailed(connection.peer, "logging in", "the library for Kerberos is missing", hint=hint)
    password = context.secret(credential.password) if credential.password else None

    def begin(certificate: bytes) -> spnego.ContextProxy:
        import spnego

        known: object
        if password is not None:
            known = spnego.Password(credential.username, password.reveal())
        elif credential.keytab:
            known = spnego.KerberosKeytab(str(context.file(credential.keytab)), credential.username)
        else:
            known = spnego.CredentialCache(credential.username)  # the operator's tickets
        return spnego.client(
            known,
            hostname=connection.identity,
            service="HTTP",
            protocol="kerberos",
            channel_bindings=_binding(certificate),
            options=spnego.NegotiateOptions.wrapping_winrm,
        )

    return begin


def _binding(certificate: bytes) -> GssChannelBindings | None:
    """Channel binding (RFC 5929, tls-server-end-point): the login is valid on this TLS connection only."""
    if not certificate:
        return None
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from spnego.channel_bindings import GssChannelBindings

    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


def client_certificate_context(peer: Peer, certificate: Certificate, context: ConnectionContext) -> ssl.SSLContext:
    """A TLS context for `peer` that presents the certificate. Hosts with the same trust and certificate share one,
    because making one takes longer than a whole login.

    Raises SecretError, what `context_for` raises, and AuthenticationFailed if certificate and key do not match.
    """
    from cryptography.hazmat.primitives import serialization

    key, chain = key_and_chain(certificate, context)
    if peer.trust.fingerprint:
        return _loaded(context_for(peer, context.root), certificate, key, chain, peer)  # a pin is compared every time
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
    tls.post_handshake_auth = True  # with TLS 1.3 Windows requests the certificate after the handshake
    with _files(key, chain) as (file, sealed_key, password):
        try:
            tls.load_cert_chain(file, sealed_key, password)
        except ssl.SSLError as error:
            reason = f"certificate and key of {certificate.name} do not belong together"
            raise AuthenticationFailed(peer.name, "logging in", reason, hint="Compare `cert` and `key`.") from error
    return tls


@contextmanager
def _files(key: Key, chain: list[x509.Certificate]) -> Iterator[tuple[Path, Path, str]]:
    """(certificate chain, private key, password of the key) as files, because Python's TLS requires files.

    The key is encrypted with a password that exists only in this process, in a private temporary folder that is removed
    at the end of the context.
    """
    from cryptography.hazmat.primitives import serialization

    password = randomness.token_urlsafe(32)
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
