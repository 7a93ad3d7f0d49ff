"""Whom the client believes to be the server: the system's authorities, a CA file, or one pinned certificate.

Everything is decided in the TLS handshake, before a byte of HTTP is sent. With a pin the certificate of the peer is
fetched by a handshake of its own, compared with the pin, and then made the only anchor of the context that is used;
every later handshake compares again. The name is not checked then: the pin names the peer better than a name could.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from reconciler.clients.vbo.fault import connect_fault
from reconciler.model.connection import Server
from reconciler.model.errors import UntrustedPeer

_PIN = re.compile(r"^sha256:([0-9a-f]{64})$")
_time_left: ContextVar[Callable[[], float] | None] = ContextVar("time_left", default=None)


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket that keeps the deadline of the call it works for, and the pin of its context.

    httpx has time limits for single reads only: a peer that sends a byte now and then would never meet them.
    """

    established = False

    def settimeout(self, value: float | None, /) -> None:
        left = _time_left.get()
        if left is not None:
            rest = left()
            if rest <= 0 and self.established:  # before that an exception would leak the half-made socket
                raise TimeoutError("the deadline of the call is over")
            value = max(0.001, rest if value is None else min(value, rest))
        super().settimeout(value)

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        if isinstance(self.context, PinnedContext):
            self.context.check(self.getpeercert(binary_form=True) or b"")
        self.established = True


class PinnedContext(ssl.SSLContext):
    """A context that accepts one certificate and no other."""

    fingerprint = ""

    def check(self, certificate: bytes) -> None:
        """Raises SSLCertVerificationError where the certificate (DER) is not the pinned one."""
        if hashlib.sha256(certificate).hexdigest() != self.fingerprint:
            raise ssl.SSLCertVerificationError(1, "its certificate is not the pinned one")


@contextmanager
def deadline(time_left: Callable[[], float]) -> Iterator[None]:
    """While this is open every read and write of this thread's sockets ends when `time_left()` is down to zero."""
    token = _time_left.set(time_left)
    try:
        yield
    finally:
        _time_left.reset(token)


def context_for(server: Server, root: str) -> ssl.SSLContext:
    """The TLS context for `server`. Raises UntrustedPeer, and Unreachable where a pin cannot be compared."""
    trust = server.trust
    if trust.fingerprint:
        context: ssl.SSLContext = _pinned(server)
    elif trust.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(context, Path(root, trust.ca_file), server)
    else:
        context = ssl.create_default_context()
    context.sslsocket_class = DeadlineSocket
    return context


def _load(context: ssl.SSLContext, file: Path, server: Server) -> None:
    """The file may hold a root, an intermediate or the certificate of the server itself: it is what is trusted."""
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:  # SSLError is one: the file holds no certificate
        why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else (error.strerror or str(error))
        raise UntrustedPeer(
            f"{server.host}:{server.port}",
            "trust",
            f"`ca_file` {server.trust.ca_file} cannot be used: {why}",
            hint="`server.tls.ca_file` is a PEM file, found relative to the inventory.",
        ) from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _pinned(server: Server) -> PinnedContext:
    peer, what = f"{server.host}:{server.port}", "compare its certificate with the pin"
    pin = _PIN.match(server.trust.fingerprint.replace(":", "").lower().replace("sha256", "sha256:", 1))
    if pin is None:
        raise UntrustedPeer(
            peer,
            what,
            "the pin is not of the form sha256:<64 hexadecimal digits>",
            hint="See `server.tls.fingerprint`.",
        )
    try:
        # A handshake and nothing after it: no request is sent until the certificate has been compared.
        text = ssl.get_server_certificate(
            (server.address or server.host, server.port), timeout=server.deadlines.connect
        )
    except (OSError, UnicodeError, ValueError) as error:
        raise connect_fault(peer, what, error) from error
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    if found != pin[1]:
        raise UntrustedPeer(
            peer,
            what,
            f"its certificate is sha256:{found}, the pin is sha256:{pin[1]}",
            hint="If the certificate was replaced on purpose, compare this fingerprint with the one on the server, "
            "then put it into `server.tls.fingerprint`.",
        )
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.fingerprint = found
    context.check_hostname = False
    context.load_verify_locations(cadata=text)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
