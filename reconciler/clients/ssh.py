"""SSH to Linux hosts through fabric, with what fabric leaves out: host keys, deadlines, one strict answer.

fabric opens the connection; the one exec of a script goes over a raw channel, which is faster than `Connection.run`
and never shows anything in a command line. See `posix` for what is sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import Timer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import fabric
import paramiko

from reconciler.clients import posix
from reconciler.clients.answers import OUTPUT_LIMIT, Mask, document, reveal, script_failed, shorten
from reconciler.clients.hostkeys import HostKeys, fingerprint
from reconciler.clients.ssh_faults import CAUGHT, translate
from reconciler.clients.ssh_login import login_arguments
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    UntrustedPeer,
)

if TYPE_CHECKING:
    from reconciler.model.connection import Connection
    from reconciler.model.script import Script
    from reconciler.model.secret import SecretResolver

_CHUNK = 65536
_LOOK_AT_STDERR = 0.5
"""Seconds after which standard error is emptied while standard output is silent, so that it cannot fill up."""

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else its background thread prints tracebacks


class _TrustedOnly:
    """Asked for every host key: the library's own table, with one key a type and name, is left empty."""

    def __init__(self, connection: Connection, keys: HostKeys) -> None:
        self._connection = connection
        self._keys = keys

    def missing_host_key(self, _client: paramiko.SSHClient, _hostname: str, key: paramiko.PKey) -> None:
        blob = key.asbytes()
        if blob in self._keys.trusted:
            return
        offered = f"{key.get_name()} key {fingerprint(blob)}"
        if blob in self._keys.revoked:
            why = f"it offers the {offered}, which known_hosts calls revoked"
        elif self._keys.trusted:
            expected = ", ".join(fingerprint(trusted) for trusted in self._keys.trusted)
            why = f"it offers the {offered}, and {expected} is trusted"
        else:
            why = f"it offers the {offered}, and no key of this host is trusted yet"
        hint = (
            "Compare the fingerprint on the host itself (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then pin "
            f'the key in the inventory: connection.host_keys: ["{key.get_name()} {key.get_base64()}"]'
        )
        raise UntrustedPeer(self._connection.peer, "checking its host key", why, hint=hint)


class SshSession:
    """A `HostSession` over SSH. `clock` gives seconds and only differences of it count."""

    def __init__(
        self,
        connection: Connection,
        resolver: SecretResolver,
        root: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._resolver = resolver
        self._root = root
        self._clock = clock
        self._link: fabric.Connection | None = None

    def __enter__(self) -> Self:
        connection = self._connection
        if connection.credential is None:
            hint = "Give the proxy `credentials`."
            raise AuthenticationFailed(connection.peer, "logging in", "the inventory names no credential", hint=hint)
        keys = HostKeys.of(connection, self._root)
        limit = connection.deadlines.connect
        login, timing = login_arguments(connection, self._resolver), ("banner", "auth", "channel")
        address, port = connection.target
        link = fabric.Connection(
            address,
            user=connection.credential.username,
            port=port,
            config=fabric.Config(lazy=True),  # no file of the operator's: neither ~/.ssh/config nor ~/.fabric.yml
            connect_timeout=limit,
            connect_kwargs={
                **login,
                **{f"{name}_timeout": limit for name in timing},
                "transport_factory": _preferring(keys.kinds),
            },
        )
        link.client = paramiko.SSHClient()
        link.client.set_missing_host_key_policy(_TrustedOnly(connection, keys))
        self._link = link
        try:
            link.open()
            link.transport.set_keepalive(15)
        except RemoteError:
            self._close()
            raise
        except CAUGHT as error:
            self._close()
            raise translate(error, connection.peer, "connecting with SSH", sent=False) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.client.close()  # fabric's own close does nothing for a connection that failed while it opened

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        """See `HostSession.execute`. Parameters become the shell variables `arg_NAME`."""
        if script.is_powershell or self._link is None:
            raise ValueError(f"{script.name} cannot be run over this session")
        plain, secrets = reveal(params)
        command, password = self._command()
        if password:
            secrets.append(password)
        data = posix.standard_input(script.text, plain, seconds=deadline + 1, password=password)
        run = _Run(self._connection.peer, f"running {script.name}", self._clock, deadline)
        try:
            run.exchange(self._link.transport, command, data)
        except CAUGHT as error:
            raise translate(error, run.peer, run.what, sent=run.sent) from error
        finally:
            run.close()
        return run.answer(Mask(secrets), sudo=command is not posix.COMMAND)

    def _command(self) -> tuple[str, str | None]:
        credential = self._connection.credential
        if credential is None or not credential.sudo:
            return posix.COMMAND, None
        if credential.password is None:
            return posix.SUDO_COMMAND, None
        return posix.SUDO_PASSWORD_COMMAND, self._resolver.resolve(credential.password).reveal()


def _preferring(kinds: tuple[str, ...]) -> Callable[..., paramiko.Transport]:
    """A transport that asks for the host key types that are trusted first, where the host has several keys."""

    def build(sock: Any, **options: Any) -> paramiko.Transport:
        transport = paramiko.Transport(sock, **options)
        offers = transport.get_security_options()
        wanted = [name for name in offers.key_types if name in kinds or ("rsa" in name and "ssh-rsa" in kinds)]
        offers.key_types = [*wanted, *(name for name in offers.key_types if name not in wanted)]
        return transport

    return build


class _Run:
    """One exec of one script."""

    def __init__(self, peer: str, what: str, clock: Callable[[], float], deadline: float) -> None:
        self.peer = peer
        self.what = what
        self.sent = False
        self._clock = clock
        self._seconds = deadline
        self._end = clock() + deadline
        self._channel: paramiko.Channel | None = None
        self._out = bytearray()
        self._err = bytearray()
        self._code = -1

    def exchange(self, transport: paramiko.Transport, command: str, data: bytes) -> None:
        channel = self._channel = transport.open_session(timeout=self._left())
        watchdog = Timer(self._left(), channel.close)  # the library waits for the answer to an exec without a limit
        watchdog.start()
        try:
            channel.exec_command(command)
        except paramiko.SSHException:
            self._left()
            raise
        finally:
            watchdog.cancel()
        self.sent = True
        self._send(channel, data)
        while self._receive(channel):
            pass
        while self._keep(self._err, self._wait(channel, channel.recv_stderr, self._left())):
            pass
        if not channel.status_event.wait(self._left()):
            raise self._late()
        self._code = channel.exit_status

    def _left(self) -> float:
        left = self._end - self._clock()
        if left <= 0:
            raise self._late()
        return left

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(
            self.peer,
            self.what,
            f"not done after {self._seconds:g} s",
            hint="The host stops the script by itself now. `deadlines` in the inventory gives it more time.",
        )

    def _send(self, channel: paramiko.Channel, data: bytes) -> None:
        try:
            while data:
                channel.settimeout(self._left())
                data = data[channel.send(data[:_CHUNK]) :]
            channel.shutdown_write()
        except TimeoutError:
            raise self._late() from None
        except OSError:
            return  # the other end is closed already: what it said will tell why (sudo, a missing shell)

    def _receive(self, channel: paramiko.Channel) -> bool:
        """Take what there is on standard output; now and then on standard error too. False at the end."""
        try:
            channel.settimeout(min(self._left(), _LOOK_AT_STDERR))
            more = self._keep(self._out, channel.recv(_CHUNK))
        except TimeoutError:
            more = True
        while channel.recv_stderr_ready():
            self._keep(self._err, channel.recv_stderr(_CHUNK))
        return more

    def _wait(self, channel: paramiko.Channel, receive: Callable[[int], bytes], seconds: float) -> bytes:
        channel.settimeout(seconds)
        try:
            return receive(_CHUNK)
        except TimeoutError:
            raise self._late() from None

    def _keep(self, buffer: bytearray, data: bytes) -> bool:
        buffer += data
        if len(buffer) > OUTPUT_LIMIT:
            limit = OUTPUT_LIMIT >> 20
            raise BadAnswer(self.peer, self.what, f"it printed more than {limit} MB where one JSON document belongs")
        return bool(data)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def answer(self, mask: Mask, *, sudo: bool) -> Any:
        started, stderr = posix.without_mark(bytes(self._err))
        if self._code == -1:
            raise ConnectionLost(
                self.peer,
                self.what,
                "the connection ended before the script did",
                hint="The work may have been done: run the plan again before anything is repeated.",
            )
        if self._code == 0 and started:
            return document(self.peer, self.what, bytes(self._out), mask)
        said = shorten(mask(stderr.decode("utf-8", "replace")))
        if not started and sudo:
            hint = "Check the password of the credential and the sudo rights of its user; `sudo: false` does without."
            raise AuthenticationFailed(self.peer, "becoming root with sudo", said or "sudo refused", hint=hint)
        if not started:
            hint = "The login shell of the account has to run `sh`, and must not print anything by itself."
            raise BadAnswer(self.peer, self.what, said or f"no shell (exit code {self._code})", hint=hint)
        if self._code in (124, 137):  # what timeout(1) ends with when it had to stop the script
            raise self._late()
        raise script_failed(self.peer, self.what, self._code, stderr, mask)
