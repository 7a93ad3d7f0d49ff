"""SSH to Linux hosts through fabric, with what fabric leaves out: host keys, deadlines, one strict answer.

fabric opens the connection; see `ssh_exec` for how a script is run over it, and `sftp` for files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import fabric
import paramiko

from reconciler.clients import posix, sftp
from reconciler.clients.answers import Mask, reveal
from reconciler.clients.hostkeys import HostKeys, fingerprint
from reconciler.clients.hosts import name_on_host
from reconciler.clients.ssh_exec import Exec
from reconciler.clients.ssh_faults import CAUGHT, translate
from reconciler.clients.ssh_login import login_arguments
from reconciler.clients.ssh_watch import hang_up
from reconciler.model.errors import AuthenticationFailed, BadAnswer, ReconcileError, RemoteError, UntrustedPeer

if TYPE_CHECKING:
    from reconciler.model.connection import Connection
    from reconciler.model.script import Script
    from reconciler.model.secret import SecretResolver

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
        """fabric's own close does nothing for a connection that failed while it opened."""
        link, self._link = self._link, None
        if link is None:
            return
        transport = link.client.get_transport()
        if transport is not None:
            hang_up(transport)
        link.client.close()

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        """See `HostSession.execute`. Parameters become the shell variables `arg_NAME`."""
        if script.is_powershell or self._link is None:
            raise ValueError(f"{script.name} cannot be run over this session")
        command, password = self._command()
        return self._run(script, params, deadline, command, password)

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        """See `HostSession.upload`. It belongs to the account that logs in, whether scripts use sudo or not."""
        end, what = self._clock() + deadline, f"uploading {source.name}"
        params = {"name": name_on_host(source, sha256), "sha256": sha256}
        found = self._own(sftp.LOOK, params, end)
        if found.get("there"):
            return str(found["path"])
        try:
            with source.open("rb") as file:
                path = f"{sftp.FOLDER}/{params['name']}.part"
                left = max(0.0, end - self._clock())
                sftp.put(self._transport(), file, path, peer=self._connection.peer, what=what, seconds=left)
        except OSError as error:
            raise ReconcileError(f"{source.name} cannot be read: {error.strerror}") from error
        arrived = self._own(sftp.FINISH, params, end)
        if arrived.get("sha256") != sha256:
            reason = f"what arrived has the SHA-256 {arrived.get('sha256')}, and {sha256} was to be sent"
            raise BadAnswer(self._connection.peer, what, reason, hint="Is it the right file, and did it stay the same?")
        return str(arrived["path"])

    def remove(self, path: str, *, deadline: float) -> None:
        """See `HostSession.remove`."""
        self._own(sftp.REMOVE, {"name": path.rpartition("/")[2]}, self._clock() + deadline)

    def _own(self, script: Script, params: Mapping[str, Any], end: float) -> dict[str, Any]:
        """Run a script of the upload as the account itself: SFTP has no sudo."""
        answer = self._run(script, params, max(0.0, end - self._clock()), posix.COMMAND, None)
        return answer if isinstance(answer, dict) else {}

    def _run(
        self, script: Script, params: Mapping[str, Any], deadline: float, command: str, password: str | None
    ) -> Any:
        plain, secrets = reveal(params)
        if password:
            secrets.append(password)
        data = posix.standard_input(script.text, plain, seconds=deadline + 1, password=password)
        run = Exec(self._connection.peer, f"running {script.name}", self._clock, deadline)
        run.run(self._transport(), command, data)
        return run.answer(Mask(secrets), sudo=command is not posix.COMMAND)

    def _transport(self) -> paramiko.Transport:
        if self._link is None:
            raise ValueError("this session is not open")
        return self._link.transport

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
