"""Opens one SSH connection with fabric, with host key verification and one deadline."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import fabric
import paramiko

from reconciler import timing
from reconciler.clients.sockets import dial
from reconciler.clients.ssh.faults import CAUGHT, translate
from reconciler.clients.ssh.host_keys import HostKeys
from reconciler.clients.ssh.login import login_arguments
from reconciler.clients.ssh.login_slots import ARRIVALS
from reconciler.clients.ssh.peer_reason import Busy, Words, explained
from reconciler.clients.ssh.single_factor import without_prompts
from reconciler.clients.ssh.watchdog import hang_up, within
from reconciler.model.errors import IncompleteLogin, RemoteError, Unreachable, UntrustedPeer

if TYPE_CHECKING:
    from reconciler.model.connection import Connection, ConnectionContext
    from reconciler.model.login_gate import LoginGate

_WHAT = "connecting with SSH"
_KEEPALIVE = 15
_CLOSE_SECONDS = 5.0
_PAUSE = 0.25
"""Seconds before the second attempt at a host that is busy; each further pause is twice as long."""
_SILENT = 2
"""Further attempts at a host that closes the connection without a word, as old versions of sshd do when busy."""
_CERTIFICATE = "-cert-v01@openssh.com"
_CONFIG = fabric.Config(lazy=True)
"""Ignores ~/.ssh/config and ~/.fabric.yml. Nothing changes it: see `_Link`."""
_Link = type("_Link", (fabric.Connection,), {"__setattr__": object.__setattr__})
"""Its attributes are its own. fabric writes each into its configuration, which costs a tenth of a login."""

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # otherwise its background thread prints tracebacks


class _TrustedOnly:
    """Verifies every host key: the library's own table, which has one key for each type and name, stays empty."""

    def __init__(self, connection: Connection, keys: HostKeys) -> None:
        self._connection = connection
        self._keys = keys

    def missing_host_key(self, _client: paramiko.SSHClient, _hostname: str, key: paramiko.PKey) -> None:
        certificate = key.public_blob.key_blob if key.public_blob else b""
        why = self._keys.objection(key.asbytes(), certificate, host=self._connection.identity, now=timing.epoch())
        if not why:
            return
        hint = (
            "Compare the fingerprint on the host itself (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then pin "
            f'the key in the inventory: connection.host_keys: ["{key.get_name()} {key.get_base64()}"]'
        )
        raise UntrustedPeer(self._connection.peer, "checking its host key", why, hint=hint)


def open_link(
    connection: Connection, context: ConnectionContext, through: paramiko.Transport | None = None
) -> fabric.Connection:
    """Connect and log in within `deadlines.connect` seconds; `through` is the connection to the jump host.

    Name resolution has the timeout of the operating system. Raises Unreachable, UntrustedPeer,
    AuthenticationFailed, BadAnswer, SecretError.
    """
    if connection.credential is None:
        hint = "Give the proxy `credentials`."
        raise IncompleteLogin(connection.peer, "logging in", "the inventory names no credential", hint=hint)
    keys = HostKeys.of(connection, context.root)
    login = login_arguments(connection, context)
    behind = f"{connection.jump.peer} " if connection.jump is not None else ""
    with ARRIVALS.at(f"{behind}{connection.target[0]}"):
        end = timing.monotonic() + connection.deadlines.connect
        for attempt in count():
            try:
                return _open(connection, through, login, keys, context.logins, end)
            except Busy as busy:
                pause = _PAUSE * 2**attempt
                if timing.monotonic() + pause >= end or (attempt >= _SILENT and not busy.gave_reason):
                    raise Unreachable(busy.peer, busy.what, busy.reason, hint=busy.hint) from busy
            timing.sleep(pause)
    raise Unreachable(connection.peer, _WHAT, "no attempt was made")


def _open(
    connection: Connection,
    through: paramiko.Transport | None,
    login: Mapping[str, Any],
    keys: HostKeys,
    gate: LoginGate,
    end: float,
) -> fabric.Connection:
    limit, words = connection.deadlines.connect, Words()
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_TrustedOnly(connection, keys))
    line = _dial(connection, end) if through is None else _tunnel(connection, through, end)
    link = _Link(
        connection.target[0],
        user=connection.credential.username if connection.credential else "",
        port=connection.target[1],
        config=_CONFIG,
        connect_timeout=limit,
        connect_kwargs={
            **login,
            **{f"{name}_timeout": limit for name in ("banner", "auth", "channel")},
            "sock": line,
            "transport_factory": _preferring(keys, connection.peer, gate, words),
        },
    )
    link.client = client
    with within(end - timing.monotonic(), lambda: _cut(client, line)) as watch:
        try:
            link.open()
            link.transport.set_keepalive(_KEEPALIVE)
        except RemoteError:
            _cut(client, line)
            raise
        except CAUGHT as error:
            transport = client.get_transport()
            _cut(client, line)
            if watch.is_late:
                raise _late(connection) from error
            known = translate(error, connection.peer, _WHAT, sent=False)
            raise explained(words, transport, known, error) from error
    return link


def close_link(link: fabric.Connection) -> None:
    """fabric's close ignores a connection that failed while it was opened, and does not wait."""
    transport = link.client.get_transport()
    if transport is not None:
        hang_up(transport)
    link.client.close()


def _late(connection: Connection) -> Unreachable:
    hint = "Is it an SSH server? Increase `deadlines.connect` in the inventory if it needs more time."
    return Unreachable(connection.peer, _WHAT, f"no login within {connection.deadlines.connect:g} s", hint=hint)


def _dial(connection: Connection, end: float) -> socket.socket:
    try:
        return dial(connection.target, end - timing.monotonic())
    except CAUGHT as error:
        raise translate(error, connection.peer, _WHAT, sent=False) from error


class _Tunnel:
    """A channel of a jump host, used as a socket.

    No data is sent after the channel is closed: sshd then drops the whole connection, and with it every other host
    behind the jump host.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._sending = Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, data: bytes) -> int:
        with self._sending:
            sent: int = self._channel.send(data)
            return sent

    def close(self) -> None:
        """A jump host that accepts no more data is disconnected: no host behind it is reachable either."""
        with within(_CLOSE_SECONDS, lambda: hang_up(self._channel.get_transport())), self._sending:
            self._channel.close()


def _tunnel(connection: Connection, through: paramiko.Transport, end: float) -> _Tunnel:
    jump = connection.jump.peer if connection.jump else "its jump host"
    what = f"{_WHAT} through {jump}"
    try:
        left = max(0.001, end - timing.monotonic())
        return _Tunnel(through.open_channel("direct-tcpip", connection.target, ("127.0.0.1", 0), timeout=left))
    except CAUGHT as error:
        if isinstance(error, EOFError):
            hang_up(through)  # else it counts as active until its own thread notices
        said = error.text if isinstance(error, paramiko.ChannelException) else str(error) or type(error).__name__
        hint = f"Can {jump} reach the host on this port, and does its sshd allow it (AllowTcpForwarding)?"
        raise Unreachable(connection.peer, what, said, hint=hint) from error


def _cut(client: paramiko.SSHClient, line: Any) -> None:
    transport = client.get_transport()
    if transport is not None:
        hang_up(transport)
    client.close()
    line.close()


def _preferring(keys: HostKeys, peer: str, gate: LoginGate, words: Words) -> Callable[..., paramiko.Transport]:
    """A transport that requests trusted key types first, for hosts with several keys.

    The library requests certificates after all plain keys, so the certificate types are added to the list itself.
    """

    def build(sock: Any, **options: Any) -> paramiko.Transport:
        transport = paramiko.Transport(sock, **options)
        words.hear(transport)
        without_prompts(transport, peer, gate)
        offers = transport.get_security_options()
        plain = [name for name in offers.key_types if not name.endswith(_CERTIFICATE)]
        wanted = [name for name in plain if name in keys.kinds or ("rsa" in name and "ssh-rsa" in keys.kinds)]
        certified = [name + _CERTIFICATE for name in plain] if keys.authorities else []
        offers.key_types = [*certified, *wanted, *(name for name in plain if name not in wanted)]
        return transport

    return build
