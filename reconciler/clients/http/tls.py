"""TLS contexts: the system's certificate authorities, a CA file, or one pinned certificate. Verification has no switch.

The peer is verified in the handshake, before any HTTP is sent. Connections with the same trust share one context,
because building one with the system's authorities takes longer than a whole login. For a pin, a separate handshake
fetches the certificate of the peer, which is compared with the pin and becomes the only trust anchor of the context;
every later handshake compares it too. The host name is not checked then: the pin identifies the certificate itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from reconciler import timing
from reconciler.clients.sockets import BoundedSocket, answering_address
from reconciler.model.connection import Trust
from reconciler.model.errors import UntrustedPeer, UnusableTrust

_PIN = re.compile(r"^sha256:([0-9a-f]{64})$")
_making = Lock()


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection. `name` is for messages, `target` is the address and port to connect to, `seconds`
    the timeout for connecting, `setting` the prefix of its trust settings in the inventory (`server.tls.`)."""

    name: str
    target: tuple[str, int]
    trust: Trust
    seconds: float
    setting: str = ""


class TlsSocket(BoundedSocket, ssl.SSLSocket):
    """A TLS socket with the deadline of the current call that verifies the pin of its context."""

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
        """Raises SSLCertVerificationError if the certificate (DER) is not the pinned one."""
        if hashlib.sha256(certificate).hexdigest() != self.fingerprint:
            raise ssl.SSLCertVerificationError(1, "its certificate is not the pinned one")


def context_for(peer: Peer, root: str, *, shared: bool = True) -> ssl.SSLContext:
    """The context for `peer.trust`. With `shared` false it is a new one that the caller may modify.

    Raises UntrustedPeer if the trust settings cannot be used or the pin does not match. With a pin it connects: then it
    also raises what sockets raise (OSError, UnicodeError, ValueError), before any data is sent.
    """
    trust = peer.trust
    if trust.fingerprint:
        return _pinned(peer)
    with _making:  # without the lock each of the sessions that start together would build one
        if not trust.ca_file:
            with _environment(peer):
                return _of_system() if shared else _of_system.__wrapped__()
        file = Path(root, trust.ca_file)
        try:
            stamp = file.stat().st_mtime_ns
            return _of_file(file, stamp) if shared else _of_file.__wrapped__(file, stamp)
        except OSError as error:  # SSLError is one: the file holds no certificate
            why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            reason = f"`ca_file` {trust.ca_file} cannot be used: {why}"
            hint = f"`{peer.setting}ca_file` is a PEM file, found relative to the inventory."
            raise UnusableTrust(peer.name, "reading its CA file", reason, hint=hint) from error


@contextmanager
def _environment(peer: Peer) -> Iterator[None]:
    """What OpenSSL and Python take from the environment of the process can be wrong, and is not the peer's fault."""
    doing, hint = (
        "reading the system's certificate authorities",
        "Correct the variable of the environment, or unset it.",
    )
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        value = os.environ.get(name)
        if value and not any(Path(part).exists() for part in value.split(os.pathsep)):
            raise UnusableTrust(peer.name, doing, f"{name} names {value}, which does not exist", hint=hint)
    try:
        yield
    except OSError as error:
        file = os.environ.get("SSLKEYLOGFILE", "")
        what = f"SSLKEYLOGFILE names {file}, which cannot be written" if file else "they cannot be read"
        raise UnusableTrust(peer.name, doing, f"{what}: {error.strerror or error}", hint=hint) from error


@lru_cache(maxsize=1)
def _of_system() -> ssl.SSLContext:
    return _bounded(ssl.create_default_context())


@lru_cache(maxsize=64)
def _of_file(file: Path, _stamp: int) -> ssl.SSLContext:
    """`_stamp` makes a replaced file a new entry. The file may contain a root, an intermediate or the certificate of
    the peer itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return _bounded(context)


def _bounded(context: ssl.SSLContext) -> ssl.SSLContext:
    context.sslsocket_class = TlsSocket
    return context


def presented(target: tuple[str, int], seconds: float) -> tuple[str, str]:
    """The certificate (PEM) that a peer presents, and its SHA-256: a handshake and nothing after it. No request is sent
    until the certificate has been compared. Raises what sockets raise."""
    end = timing.monotonic() + seconds
    answering = answering_address(target, seconds)
    text = ssl.get_server_certificate((answering, target[1]), timeout=max(0.001, end - timing.monotonic()))
    return text, hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()


def _pinned(peer: Peer) -> PinnedContext:
    what = "comparing its certificate with the pin"
    pin = _PIN.match(peer.trust.fingerprint.replace(":", "").lower().replace("sha256", "sha256:", 1))
    if pin is None:
        reason = "the pin is not of the form sha256:<64 hexadecimal digits>"
        raise UnusableTrust(peer.name, what, reason, hint=f"See `{peer.setting}fingerprint`.")
    text, found = presented(peer.target, peer.seconds)
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
