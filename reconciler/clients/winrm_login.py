"""How we log in with WinRM: NTLM, Kerberos or a client certificate, over TLS that is checked by our own context."""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from winrm.protocol import Protocol
from winrm.transport import HAVE_KERBEROS

from reconciler.clients.tls import Peer, PinnedContext, context_for
from reconciler.model.errors import AuthenticationFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from reconciler.model.connection import Certificate, Connection
    from reconciler.model.secret import SecretResolver

OPERATION_SECONDS = 10
"""How long the host may hold one request open; longer work is asked for again until the deadline."""


class _Route(HTTPAdapter):
    """Connects to the address of the inventory while the certificate, the URL and NTLM see the host's name.

    What requests would load by itself (its own bundle of authorities, the environment's proxies) stays out: the
    context has been told whom to trust.
    """

    def __init__(self, target: tuple[str, int], host: str, context: ssl.SSLContext) -> None:
        self._target = target
        self._tls: dict[str, Any] = {"ssl_context": context, "server_hostname": host}
        if isinstance(context, PinnedContext):
            self._tls["assert_hostname"] = False  # the pin is checked in the handshake, by the context's own sockets
        super().__init__(pool_connections=1, pool_maxsize=1)

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> urllib3.HTTPConnectionPool:
        address, port = self._target
        return self.poolmanager.connection_from_host(address, port, scheme="https", pool_kwargs=self._tls)

    def cert_verify(self, conn: Any, *_args: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def open_protocol(connection: Connection, resolver: SecretResolver, root: str) -> Protocol:
    """A pywinrm protocol that is ready to log in. Raises SecretError, UntrustedPeer, Unreachable (a pin that cannot be
    compared) and AuthenticationFailed (nothing to log in with)."""
    by_certificate = connection.certificate is not None and connection.credential is None
    if by_certificate or (connection.credential is not None and connection.credential.auth == "certificate"):
        return _with_certificate(connection, resolver, root)
    credential = connection.credential
    if credential is None:
        hint = "Give the proxy `credentials`, or a `certificate` to log in with."
        raise AuthenticationFailed(connection.peer, "logging in", "the inventory names no credential", hint=hint)
    login: dict[str, Any] = {"transport": credential.auth, "username": credential.username}
    if credential.auth == "kerberos":
        if not HAVE_KERBEROS:
            hint = "Install it: pip install 'vbo-reconcile[kerberos]' (it needs the headers of the system's GSSAPI)."
            raise AuthenticationFailed(connection.peer, "logging in", "the library for Kerberos is missing", hint=hint)
        login["kerberos_hostname_override"] = connection.host  # the ticket comes from the operator's cache (kinit)
    else:
        password = resolver.resolve(credential.password).reveal() if credential.password else ""
        login["password"] = password
    return _protocol(connection, context_for(_peer(connection), root), login)


def _peer(connection: Connection) -> Peer:
    return Peer(connection.peer, connection.target, connection.trust, connection.deadlines.connect)


def _with_certificate(connection: Connection, resolver: SecretResolver, root: str) -> Protocol:
    if connection.certificate is None:
        hint = "Give the proxy a `certificate` with `cert` and `key`."
        raise AuthenticationFailed(connection.peer, "logging in", "the inventory names no certificate", hint=hint)
    context = context_for(_peer(connection), root, shared=False)
    context.post_handshake_auth = True  # Windows asks for the certificate only after the handshake of TLS 1.3
    with _client_files(connection, connection.certificate, resolver, root) as (chain, key, password):
        context.load_cert_chain(chain, key, password)
        login = {"transport": "certificate", "cert_pem": str(chain), "cert_key_pem": str(key)}
        return _protocol(connection, context, login)


def _protocol(connection: Connection, context: ssl.SSLContext, login: dict[str, Any]) -> Protocol:
    port = connection.target[1]
    name = f"[{connection.host}]" if ":" in connection.host else connection.host
    seconds = max(OPERATION_SECONDS + 5, int(connection.deadlines.connect))
    protocol = Protocol(
        f"https://{name}:{port}/wsman",
        server_cert_validation="validate",
        operation_timeout_sec=OPERATION_SECONDS,
        read_timeout_sec=seconds,
        **{"ca_trust_path": None, "proxy": None, **login},  # None: nothing from the environment
    )
    session = protocol.transport.build_session()
    session.trust_env = False
    session.cert = None  # it is in the context
    session.headers["Host"] = f"{name}:{port}"
    session.mount("https://", _Route(connection.target, connection.host, context))
    return protocol


@contextmanager
def _client_files(
    connection: Connection, certificate: Certificate, resolver: SecretResolver, root: str
) -> Iterator[tuple[Path, Path, str]]:
    """(certificate chain, private key, password of the key) as files, because Python's TLS takes nothing else.

    The key is never there in clear: it is encrypted with a password that exists in this process only, in a folder
    of our own, and gone when the block ends.
    """
    from cryptography.hazmat.primitives import serialization

    key, chain = _client_certificate(connection, certificate, resolver, root)
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


def _client_certificate(
    connection: Connection, certificate: Certificate, resolver: SecretResolver, root: str
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
            connection.peer,
            f"reading the certificate {certificate.name}",
            "the file or its key cannot be read, or the passphrase is wrong",
            hint="`cert` is a PEM file found relative to the inventory, `key` the text of its private key; or `pfx`.",
        ) from error
