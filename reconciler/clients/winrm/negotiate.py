"""Who we are, for WinRM: contexts of NTLM and of Kerberos, one for each connection.

pywinrm's own way to Kerberos knows tickets of the operator's cache alone. This one also gets its ticket with the
password or the keytab of the credential, in memory: no kinit, no cache, nothing in the environment. What the system's
library does on the way to a KDC keeps the time limits of krb5.conf, not ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from reconciler.model.errors import AuthenticationFailed

if TYPE_CHECKING:
    import spnego
    from spnego.channel_bindings import GssChannelBindings

    from reconciler.model.connection import Connection, ConnectionContext, Credential

Begin = Callable[[bytes], "spnego.ContextProxy"]
"""Begins a login. It is bound to the TLS connection that shows the given certificate (DER), if any."""


def has_kerberos() -> bool:
    """Windows brings Kerberos along; elsewhere it takes libraries that have to be compiled."""
    return sys.platform == "win32" or all(find_spec(name) is not None for name in ("gssapi", "krb5"))


def negotiation(connection: Connection, credential: Credential, context: ConnectionContext) -> Begin:
    """How to begin logins with `credential`. Raises SecretError and AuthenticationFailed (nothing to log in with)."""
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
            hostname=connection.host,
            service="HTTP",
            protocol="ntlm",
            channel_bindings=_binding(certificate),
            options=spnego.NegotiateOptions.use_ntlm,  # our own credential, whatever the system could offer
        )

    return begin


def _kerberos(connection: Connection, credential: Credential, context: ConnectionContext) -> Begin:
    if not has_kerberos():
        hint = "Install it: pip install 'vbo-reconcile[kerberos]' (it is compiled with the system's GSSAPI headers)."
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
            hostname=connection.host,
            service="HTTP",
            protocol="kerberos",
            channel_bindings=_binding(certificate),
            options=spnego.NegotiateOptions.wrapping_winrm,
        )

    return begin


def _binding(certificate: bytes) -> GssChannelBindings | None:
    """Ties a login to the TLS connection (RFC 5929, tls-server-end-point): nobody can use it on another one."""
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
