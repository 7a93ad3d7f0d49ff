"""What a host shows before any login: its address, its SSH host key, or the certificate of its WinRM listener.

No account and no password is sent, and no command. A key or certificate that was seen once is not verified: compare it
with the one on the host before use.
"""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler import timing
from reconciler.clients.http.tls import Peer, context_for, presented
from reconciler.clients.sockets import dial, socket_deadline
from reconciler.model.connection import Transport
from reconciler.model.errors import Unreachable

if TYPE_CHECKING:
    from reconciler.model.connection import Connection

_READING_KEY: Final = "reading its SSH host key"
_READING_CERTIFICATE: Final = "reading its certificate"


class Shown(NamedTuple):
    """What a host shows at `address`. `host_key` is the SSH one (`ssh-ed25519 AAAA…`) with its `fingerprint`. Of WinRM
    the `fingerprint` is that of the certificate, empty if its issuer is trusted here, or if `listener` is http."""

    address: str
    listener: str = "https"
    host_key: str = ""
    fingerprint: str = ""


def scan(connection: Connection, root: str) -> Shown:
    """Raises RemoteError if the host does not answer as its transport does."""
    if connection.transport is Transport.SSH:
        return _of_ssh(connection)
    try:
        return _of_winrm(connection, root)
    except Unreachable:
        plain = replace(connection, listener="http", port=0)
        if connection.port:
            raise
        try:
            with dial(plain.target, plain.deadlines.connect) as line:
                return Shown(str(line.getpeername()[0]), listener="http")
        except (OSError, UnicodeError):
            pass
        raise


def _of_ssh(connection: Connection) -> Shown:
    import paramiko

    from reconciler.clients.ssh.faults import CAUGHT, translate
    from reconciler.clients.ssh.host_keys import fingerprint
    from reconciler.clients.ssh.login_slots import ARRIVALS
    from reconciler.clients.ssh.watchdog import hang_up, within

    with ARRIVALS.at(connection.target[0]):
        end = timing.monotonic() + connection.deadlines.connect
        try:
            with dial(connection.target, end - timing.monotonic()) as line:
                transport = paramiko.Transport(line)
                transport.banner_timeout = connection.deadlines.connect
                try:
                    with within(end - timing.monotonic(), lambda: hang_up(transport)):
                        transport.start_client(timeout=max(0.001, end - timing.monotonic()))
                        key = transport.get_remote_server_key()
                        address = str(line.getpeername()[0])
                finally:
                    hang_up(transport)
        except CAUGHT as error:
            raise translate(error, connection.peer, _READING_KEY, sent=False) from error
    return Shown(address, host_key=f"{key.get_name()} {key.get_base64()}", fingerprint=fingerprint(key.asbytes()))


def _of_winrm(connection: Connection, root: str) -> Shown:
    from reconciler.clients.winrm.faults import translate

    peer = Peer(connection.peer, connection.target, connection.trust, connection.deadlines.connect)
    end = timing.monotonic() + peer.seconds
    try:
        with dial(peer.target, peer.seconds) as line, socket_deadline(lambda: end - timing.monotonic()):
            address = str(line.getpeername()[0])
            try:
                context_for(peer, root).wrap_socket(line, server_hostname=connection.identity).close()
            except ssl.SSLCertVerificationError:
                found = presented((address, peer.target[1]), max(0.001, end - timing.monotonic()))[1]
                return Shown(address, fingerprint=f"sha256:{found}")
    except (OSError, ValueError) as error:  # ValueError: the host is not a valid DNS name
        raise translate(error, peer.name, _READING_CERTIFICATE, sent=False) from error
    return Shown(address)
