"""TLS contexts for hosts: one for each trust, shared by all sessions, because building one with the system's
authorities costs more than a whole login. The peer is always checked: there is no way to ask for less.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.connection import Connection
from reconciler.model.errors import Unreachable, UntrustedPeer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIN = re.compile(r"^sha256:([0-9a-f]{64})$")
_end: ContextVar[Callable[[], float] | None] = ContextVar("end", default=None)


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket that keeps the deadline of the call it works for, and the pin of its context.

    The libraries above it limit single reads only: a peer that sends a byte now and then would never meet them.
    """

    established = False

    def settimeout(self, value: float | None, /) -> None:
        left = _end.get()
        if left is not None:
            rest = left()
            if rest <= 0 and self.established:  # before that an exception would leak the half-made socket
                raise TimeoutError("the deadline of the call is over")
            value = max(0.001, rest if value is None else min(value, rest))
        super().settimeout(value)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(self.gettimeout())
        return super().recv_into(buffer, nbytes, flags)

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
def deadline(left: Callable[[], float]) -> Iterator[None]:
    """While this is open every read and write of this thread's sockets ends when `left()` is down to zero."""
    token = _end.set(left)
    try:
        yield
    finally:
        _end.reset(token)


def context_for(connection: Connection, root: str, *, shared: bool = True) -> ssl.SSLContext:
    """The context that `connection.trust` asks for. With `shared` false it is a new one that may be changed.

    Raises UntrustedPeer where the trust cannot be used or the pin does not fit, Unreachable where a pin cannot be
    compared because nothing answers.
    """
    trust = connection.trust
    if trust.fingerprint:
        return _pinned(connection)
    if not trust.ca_file:
        return _of_system() if shared else _of_system.__wrapped__()
    file = Path(root, trust.ca_file)
    try:
        stamp = file.stat().st_mtime_ns
        return _of_file(file, stamp) if shared else _of_file.__wrapped__(file, stamp)
    except OSError as error:  # SSLError is one: the file holds no certificate
        why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else (error.strerror or str(error))
        raise UntrustedPeer(
            connection.peer,
            "reading whom to trust",
            f"`ca_file` {trust.ca_file} cannot be used: {why}",
            hint="`ca_file` is a PEM file, found relative to the inventory.",
        ) from error


@lru_cache(maxsize=1)
def _of_system() -> ssl.SSLContext:
    return _finished(ssl.create_default_context())


@lru_cache(maxsize=64)
def _of_file(file: Path, _stamp: int) -> ssl.SSLContext:
    """The stamp makes a file that was replaced a new entry. The file may hold a root, an intermediate or the
    certificate of the host itself: it is what is trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return _finished(context)


def _finished(context: ssl.SSLContext) -> ssl.SSLContext:
    context.sslsocket_class = DeadlineSocket
    return context


def _pinned(connection: Connection) -> PinnedContext:
    """The certificate is fetched by a handshake of its own, compared, and then made the only anchor; later handshakes
    compare again. The name is not checked: the pin names the host better than a name could."""
    what = "comparing its certificate with the pin"
    pin = _PIN.match(connection.trust.fingerprint.replace(":", "").lower().replace("sha256", "sha256:", 1))
    if pin is None:
        hint = "A pin is `sha256:` and the 64 hexadecimal digits of the certificate's SHA-256 fingerprint."
        raise UntrustedPeer(connection.peer, what, f"{connection.trust.fingerprint!r} is no pin", hint=hint)
    try:
        text = ssl.get_server_certificate(connection.target, timeout=connection.deadlines.connect)
    except (OSError, UnicodeError, ValueError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(getattr(error, "strerror", error))
        hint = "Is the host up, and does WinRM listen with HTTPS on this port?"
        raise Unreachable(connection.peer, what, reason.lower(), hint=hint) from error
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    if found != pin[1]:
        raise UntrustedPeer(
            connection.peer,
            what,
            f"its certificate is sha256:{found}, the pin is sha256:{pin[1]}",
            hint="If the certificate was replaced on purpose, compare this fingerprint with the one on the host, then "
            "put it into the inventory.",
        )
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.fingerprint = found
    context.check_hostname = False
    context.load_verify_locations(cadata=text)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _finished(context)
    return context
