"""Information about a peer that needs no login: the addresses and names in DNS, and the expiry of its certificate.

Nothing is sent beyond a TLS handshake, which verifies the peer like any other connection.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from reconciler.clients.http.tls import Peer, context_for
from reconciler.clients.sockets import dial
from reconciler.model.errors import RemoteError, Unreachable

if TYPE_CHECKING:
    from reconciler.model.connection import Connection, Server

_WHAT: Final = "reading its certificate"


def addresses(name: str) -> list[str]:
    """The addresses of `name` as this machine resolves it, sorted. Raises Unreachable."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        hint = "Add the name to the DNS (or the hosts file) of this machine, or set `address` in the inventory."
        raise Unreachable(name, "looking up its name", "the name cannot be resolved", hint=hint) from error
    return sorted({str(item[4][0]) for item in found})


def names(address: str) -> list[str]:
    """The names that `address` resolves back to, in lower case and sorted; possibly none."""
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except (OSError, UnicodeError):
        return []
    return sorted({item.lower().rstrip(".") for item in (name, *aliases)})


def server_certificate_end(server: Server, root: str) -> datetime:
    """The expiry of the certificate of the REST API (aware). Raises Unreachable and UntrustedPeer."""
    from reconciler.clients.http.faults import translate_connect

    name = f"{server.rest_name}:{server.port}"
    peer = Peer(name, server.target, server.trust, server.deadlines.connect, "server.tls.")
    return _end(peer, server.rest_name, root, lambda error: translate_connect(error, peer.name, _WHAT))


def host_certificate_end(connection: Connection, root: str) -> datetime:
    """The expiry of the certificate of a host's WinRM listener (aware). Raises Unreachable and UntrustedPeer."""
    from reconciler.clients.winrm.faults import translate

    peer = Peer(connection.peer, connection.target, connection.trust, connection.deadlines.connect)
    return _end(peer, connection.identity, root, lambda error: translate(error, peer.name, _WHAT, sent=False))


def _end(peer: Peer, name: str, root: str, fault: Callable[[Exception], RemoteError]) -> datetime:
    from cryptography.x509 import load_der_x509_certificate

    try:
        context = context_for(peer, root)
        with (
            dial(peer.target, peer.seconds) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            found = secured.getpeercert(binary_form=True) or b""
    except (OSError, ValueError) as error:  # ValueError: the host is not a valid DNS name
        raise fault(error) from error
    return load_der_x509_certificate(found).not_valid_after_utc
