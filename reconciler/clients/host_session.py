"""Sessions on hosts, over SSH or WinRM: they run one script after the other, and each prints one JSON document.

A session is used by one thread and closed by its `with` block. Sessions share only TLS contexts and the connections to
jump hosts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from reconciler.model.connection import Connection, ConnectionContext, Transport

_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")

if TYPE_CHECKING:
    from reconciler.model.script import Script


class ScriptRunner(Protocol):
    """Runs scripts on one host."""

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        """Run `script` on the host and return the one JSON document that it prints.

        `params` are JSON data and may hold `Secret` values; they travel on the script's standard input. `deadline` is
        in seconds. Raises RemoteError: ScriptFailed if the script fails, DeadlineExceeded, ConnectionLost, BadAnswer if
        its output is not one JSON document.
        """
        ...


class HostSession(ScriptRunner, Protocol):
    """One connection to one host. Entering connects and logs in, leaving closes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def is_usable(self) -> bool:
        """Whether the host still answers over this connection. Asked before an idle one is reused."""
        ...

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        """Upload the file `source` and return its absolute path on the host. `sha256` is its digest in hexadecimal.

        The file is in a private folder of the login account, keeps the extension of `source`, and gets its final name
        after its digest is verified on the host, so a partial upload is never used. A file that is already there is
        not sent again. It stays until `remove`. `deadline` is for the whole upload, in seconds.

        Raises RemoteError: BadAnswer for another digest, Refused if the host rejects the file, DeadlineExceeded,
        ConnectionLost; and ReconcileError if `source` cannot be read.
        """
        ...

    def remove(self, path: str, *, deadline: float) -> None:
        """Remove what `upload` returned. A missing file is not an error. Raises RemoteError."""
        ...


def open_host(connection: Connection, context: ConnectionContext) -> HostSession:
    """A session for `connection`, connected when it is entered.

    Entering raises Unreachable, UntrustedPeer, AuthenticationFailed or SecretError.
    """
    if connection.transport is Transport.SSH:
        from reconciler.clients.ssh.session import SshSession

        return SshSession(connection, context)
    from reconciler.clients.winrm.session import WinrmSession

    return WinrmSession(connection, context)


def name_on_host(source: Path, sha256: str) -> str:
    """The name of an upload: its digest, and the extension that installers need."""
    suffix = source.suffix.lower()
    return sha256 + (suffix if _SUFFIX.fullmatch(suffix) else "")


def trusted_keys(connection: Connection, root: str) -> tuple[bytes, ...]:
    """The SSH host keys (wire format) that the inventory, or else the user's known_hosts, trusts for this host.

    Raises UntrustedPeer if a file or key that the inventory names cannot be read.
    """
    from reconciler.clients.ssh.host_keys import HostKeys

    return HostKeys.of(connection, root).trusted
