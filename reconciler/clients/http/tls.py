"""Whom clients believe over TLS: the system's authorities, a CA file, or one pinned certificate.

Everything is decided in the handshake, before a byte of HTTP is sent; there is no way to ask for less. There is one
context for each trust, shared by all connections, because building one with the system's authorities costs more than a
whole login. With a pin the certificate of the peer is fetched by a handshake of its own, compared with the pin, and
made the only anchor of the context that is used; every later handshake compares again. The name is not checked then:
the pin names the peer better than a name could.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from reconciler.clients.sockets import BoundedSocket
from reconciler.model.connection import Trust
from reconciler.model.errors import UntrustedPeer

_PIN = re.compile(r"^sha256:([0-9a-f]{64})$")
_making = Lock()


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is to be believed. `name` is for messages, `target` is where packets go, `seconds` is the time to connect in,
    `setting` is the path in the inventory, with its dot, below which its trust stands (`server.tls.`)."""

    name: str
    target: tuple[str, int]
    trust: Trust
    seconds: float
    setting: str = ""


class TlsSocket(BoundedSocket, ssl.SSLSocket):
    """A TLS socket that keeps the deadline of the call it works for, and the pin of its context."""

    established = False

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


def context_for(peer: Peer, root: str, *, shared: bool = True) -> ssl.SSLContext:
    """The context that `peer.trust` asks for. With `shared` false it is a new one that may be changed.

    Raises UntrustedPeer where the trust cannot be used or the pin does not fit. With a pin it connects: then it also
    raises what sockets raise (OSError, UnicodeError, ValueError), before anything was sent.
    """
    trust = peer.trust
    if trust.fingerprint:
        return _pinned(peer)
    with _making:  # else the first sessions of a fleet, which start together, would each make one
        if not trust.ca_file:
            return _of_system() if shared else _of_system.__wrapped__()
        file = Path(root, trust.ca_file)
        try:
            stamp = file.stat().st_mtime_ns
            return _of_file(file, stamp) if shared else _of_file.__wrapped__(file, stamp)
        except OSError as error:  # SSLError is one: the file holds no certificate
            why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            reason = f"`ca_file` {trust.ca_file} cannot be used: {why}"
            hint = f"`{peer.setting}ca_file` is a PEM file, found relative to the inventory."
            raise UntrustedPeer(peer.name, "reading whom to trust", reason, hint=hint) from error


@lru_cache(maxsize=1)
def _of_system() -> ssl.SSLContext:
    return _bounded(ssl.create_default_context())


@lru_cache(maxsize=64)
def _of_file(file: Path, _stamp: int) -> ssl.SSLContext:
    """The stamp makes a file that was replaced a new entry. The file may hold a root, an intermediate or the
    certificate of the peer itself: it is what is trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return _bounded(context)


def _bounded(context: ssl.SSLContext) -> ssl.SSLContext:
    context.sslsocket_class = TlsSocket
    return context


def _pinned(peer: Peer) -> PinnedContext:
    what = "comparing its certificate with the pin"
    pin = _PIN.match(peer.trust.fingerprint.replace(":", "").lower().replace("sha256", "sha256:", 1))
    if pin is None:
        reason = "the pin is not of the form sha256:<64 hexadecimal digits>"
        raise UntrustedPeer(peer.name, what, reason, hint=f"See `{peer.setting}fingerprint`.")
    # A handshake and nothing after it: no request is sent until the certificate has been compared.
    text = ssl.get_server_certificate(peer.target, timeout=peer.seconds)
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    if found != pin[1]:
        raise UntrustedPeer(
            peer.name,
            what,
            f"its certificate is sha256:{found}, the pin is sha256:{pin[1]}",
            hint="If the certificate was replaced on purpose, compare this fingerprint with the one on the host, then "
            f"put it into `{peer.setting}fingerprint`.",
        )
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.fingerprint = found
    context.check_hostname = False
    context.load_verify_locations(cadata=text)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _bounded(context)
    return context
