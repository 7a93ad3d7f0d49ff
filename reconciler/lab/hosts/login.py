"""The management server's logins to hosts: with the account of a deployment, over WinRM or SSH, to run push scripts."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from reconciler.lab.fleet import DeployError, Deployment
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority
from reconciler.model.connection import Connection, ConnectionContext, Credential, Deadlines, Transport, Trust
from reconciler.model.errors import AuthenticationFailed, RemoteError, SecretError, Unreachable, UntrustedPeer
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef

if TYPE_CHECKING:
    from reconciler.clients.host_session import HostSession

Scripts = Callable[[str, str], Script]
"""The push script of a name (`push-proxy.sh`) for a host."""

_DEADLINES: Final = Deadlines(connect=5.0, call=20.0, long=60.0)
_WINRM: Final = 5986


class _Given:
    """Resolves the secrets of one deployment."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if value}

    def resolve(self, reference: SecretRef) -> Secret:
        if reference.path not in self._values:
            raise SecretError(f"{reference} was not given")
        return Secret(self._values[reference.path])

    def reference(self, name: str) -> SecretRef | None:
        return SecretRef("lab", name) if name in self._values else None


class HostLogin:
    """A login that is open inside its `with` block. Entering and `run` raise DeployError."""

    def __init__(self, order: Deployment, network: Network, authority: Authority, scripts: Scripts) -> None:
        self._order = order
        self._network = network
        self._authority = authority
        self._scripts = scripts
        self._stack = ExitStack()
        self._session: HostSession | None = None

    def __enter__(self) -> Self:
        from reconciler.clients.host_session import open_host

        connection, given = self._linux() if self._order.os == "linux" else self._windows()
        try:
            session = self._stack.enter_context(open_host(connection, ConnectionContext(given, "/")))
            if (self._order.ssh or {}).get("UseSuIfSudoUnavailable") and not _has_sudo(session):
                connection = replace(connection, credential=_by_su(connection.credential, given))
                session = self._stack.enter_context(open_host(connection, ConnectionContext(given, "/")))
        except (RemoteError, SecretError) as error:
            self._stack.close()
            raise failure(error) from error
        self._session = session
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a push script (`push-proxy`, without its ending) answers."""
        if self._session is None:
            raise DeployError("unreachable", f"No connection to {self._order.host}.")
        ending = ".sh" if self._order.os == "linux" else ".ps1"
        try:
            script = self._scripts(self._order.host, name + ending)
            answer = self._session.execute(script, args, deadline=_DEADLINES.call)
        except RemoteError as error:
            raise failure(error) from error
        if not isinstance(answer, Mapping) or not answer.get("ok"):
            said = answer if isinstance(answer, Mapping) else {}
            raise DeployError(str(said.get("code", "service")), str(said.get("message", "no answer")))
        return answer

    def _place(self, port: int) -> tuple[str, int]:
        try:
            return self._network.resolve(self._order.host, port)
        except OSError as error:
            raise DeployError("unreachable", f"The name {self._order.host} does not resolve.") from error

    def _windows(self) -> tuple[Connection, _Given]:
        address, port = self._place(_WINRM)
        given = _Given({"password": self._order.password})
        connection = Connection(
            name=self._order.host,
            host=self._order.host,
            transport=Transport.WINRM,
            credential=Credential("push", self._order.username, password=given.reference("password")),
            address=address,
            port=port,
            trust=Trust(ca_file=str(self._authority.ca_file)),
            deadlines=_DEADLINES,
            verified_name=address,  # a push asks for no certificate: the name in it is not the server's business
        )
        return connection, given

    def _linux(self) -> tuple[Connection, _Given]:
        settings = self._order.ssh or {}
        nominal = int(settings.get("port") or 22)
        address, port = self._place(nominal)
        given = _Given(
            {
                "password": str(settings.get("accountPassword") or ""),
                "key": _decoded(str(settings.get("privateKeyBase64") or "")),
                "passphrase": str(settings.get("privateKeyPassphrase") or ""),
                "root": str(settings.get("rootPassword") or ""),
            }
        )
        elevate = bool(settings.get("elevateAccountToRoot"))
        credential = Credential(
            "push",
            str(settings.get("account") or ""),
            password=given.reference("password"),
            private_key=given.reference("key"),
            passphrase=given.reference("passphrase"),
            sudo=elevate,
        )
        connection = Connection(
            name=self._order.host,
            host=self._order.host,
            transport=Transport.SSH,
            credential=credential,
            address=address,
            port=port,
            trust=Trust(host_keys=(self._expected_key(settings, nominal),)),
            deadlines=_DEADLINES,
        )
        return connection, given

    def _expected_key(self, settings: Mapping[str, Any], port: int) -> str:
        """The key to insist on: the one given, or the one that the host has where its fingerprint is the one given or
        nothing is to be compared."""
        given = str(settings.get("publicBase64Key") or "")
        if given:
            return _line(given)
        seen = host_key(self._network, self._order.host, port)
        wanted = str(settings.get("fingerprint") or "")
        if not settings.get("ignoreFingerprintCheck") and wanted.removeprefix("SHA256:") != fingerprint(seen)[7:]:
            raise DeployError("ssh-key", f"The host key of {self._order.host} is {fingerprint(seen)}.")
        return _line(seen)


def _has_sudo(session: HostSession) -> bool:
    try:
        session.execute(Script("linux/sudo.sh", "echo true"), {}, deadline=_DEADLINES.call)
    except AuthenticationFailed:
        return False
    return True


def _by_su(credential: Credential | None, given: _Given) -> Credential | None:
    return credential and replace(credential, sudo=False, su=True, root_password=given.reference("root"))


def host_key(network: Network, host: str, port: int) -> str:
    """The SSH host key that a host presents: base64 of its wire format. Raises DeployError."""
    import paramiko

    try:
        connection = network.connect(host, port, _DEADLINES.connect)
    except OSError as error:
        raise DeployError("unreachable", f"No SSH connection to {host}: {error}") from error
    try:
        transport = paramiko.Transport(connection)
        try:
            transport.start_client(timeout=_DEADLINES.connect)
            return str(transport.get_remote_server_key().get_base64())
        finally:
            transport.close()
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise DeployError("unreachable", f"{host} does not speak SSH: {error}") from error
    finally:
        connection.close()


def fingerprint(key: str) -> str:
    """`SHA256:…` of a public key (base64 of its wire format)."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _decoded(text: str) -> str:
    """The private key of the settings: base64 of its text. What is no base64 is passed on: the login refuses it."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text


def _line(key: str) -> str:
    """`ssh-ed25519 AAAA…` of a key in base64, which names its own type."""
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error as error:
        raise DeployError("ssh-key", "The given host key is not base64.") from error
    size = int.from_bytes(blob[:4], "big")
    return f"{blob[4 : 4 + size].decode('ascii', 'replace')} {key}"


def failure(error: Exception) -> DeployError:
    """What the server says of an error on the way to a host."""
    code = "service"
    if isinstance(error, SecretError):
        code = "credentials"
    elif isinstance(error, AuthenticationFailed):
        code = "sudo" if "becoming root" in error.what else "credentials"
    elif isinstance(error, UntrustedPeer):
        code = "ssh-key" if "host key" in error.what else "service"
    elif isinstance(error, Unreachable):
        code = "unreachable"
    return DeployError(code, str(error))
