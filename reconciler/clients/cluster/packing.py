"""What a worker needs to reach a host: the connection, the files that it names, and its secrets."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.connection import Connection, Transport, Trust
from reconciler.model.errors import SecretError
from reconciler.model.secret import Secret, SecretRef

if TYPE_CHECKING:
    from reconciler.model.connection import ConnectionContext
    from reconciler.model.secret import SecretResolver

_KNOWN_HOSTS: Final = "home/known_hosts"


@dataclass(slots=True)
class Parcel:
    """`connection` names only files that are in `files` or `private`, or that cannot be read here either. `private`
    files, `secrets` and `params`, the parameters of a script, travel sealed."""

    connection: Connection
    files: dict[str, bytes] = field(default_factory=dict)
    private: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    params: Mapping[str, Any] | None = None

    def confidential(self) -> bytes:
        """What has to be sealed."""
        private = {name: base64.b64encode(data).decode() for name, data in self.private.items()}
        found = {"secrets": self.secrets, "errors": self.errors, "files": private, "params": self.params}
        return json.dumps(found).encode()


def pack(connection: Connection, context: ConnectionContext, params: Mapping[str, Any] | None = None) -> Parcel:
    """A secret that cannot be resolved becomes an error where the worker needs it, as it does here."""
    packer = _Packer(Path(context.root))
    parcel = Parcel(packer.connection(connection), packer.files, packer.private, params=params)
    for reference in references(connection):
        try:
            parcel.secrets[str(reference)] = context.secret(reference).reveal()
        except SecretError as error:
            parcel.errors[str(reference)] = (str(error), error.hint)
    return parcel


def references(connection: Connection) -> Iterator[SecretRef]:
    """The secrets of a connection and its jump hosts, except those that the worker resolves."""
    credential, certificate = connection.credential, connection.certificate
    if credential is not None and credential.resolve != "worker":
        yield from credential.secrets.values()
    if certificate is not None:
        yield from certificate.secrets.values()
    if connection.jump is not None:
        yield from references(connection.jump)


class _Packer:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: dict[str, bytes] = {}
        self.private: dict[str, bytes] = {}

    def connection(self, item: Connection) -> Connection:
        credential, certificate = item.credential, item.certificate
        if credential is not None:
            credential = replace(
                credential,
                keytab=self._take(credential.keytab, self.private),
                certificate_file=self._take(credential.certificate_file, self.files),
            )
        if certificate is not None:
            pfx, cert = self._take(certificate.pfx, self.private), self._take(certificate.cert, self.private)
            certificate = replace(certificate, pfx=pfx, cert=cert)
        jump = None if item.jump is None else self.connection(item.jump)
        return replace(item, credential=credential, certificate=certificate, jump=jump, trust=self._trust(item))

    def _trust(self, item: Connection) -> Trust:
        trust = item.trust
        if item.transport is not Transport.SSH:
            return replace(trust, ca_file=self._take(trust.ca_file, self.files))
        if trust.host_keys or trust.known_hosts:
            return replace(trust, known_hosts=tuple(self._take(name, self.files) for name in trust.known_hosts))
        self.files[_KNOWN_HOSTS] = b""  # those of this user, not those of the worker
        with suppress(OSError, RuntimeError):
            self.files[_KNOWN_HOSTS] = (Path.home() / ".ssh" / "known_hosts").read_bytes()
        return replace(trust, known_hosts=(_KNOWN_HOSTS,))

    def _take(self, name: str, into: dict[str, bytes]) -> str:
        """The name of the file for the worker. One that is outside of the folder of the inventory is renamed."""
        if not name:
            return ""
        try:
            data = (self._root / name).read_bytes()
        except (OSError, ValueError):
            return name
        path = PurePath(name)
        if path.is_absolute() or ".." in path.parts:
            name = f"outside/{hashlib.sha256(name.encode()).hexdigest()[:16]}/{path.name}"
        into[name] = data
        return name


class PackedSecrets:
    """Resolves what was packed. Other references are resolved by `own`, those of the worker."""

    def __init__(self, document: Mapping[str, Any], own: Callable[[], SecretResolver]) -> None:
        self._found, self._errors = document["secrets"], document["errors"]
        self._own = own

    def resolve(self, reference: SecretRef) -> Secret:
        """Raises SecretError."""
        name = str(reference)
        if name in self._errors:
            message, hint = self._errors[name]
            raise SecretError(message, hint=hint)
        if name in self._found:
            return Secret(self._found[name])
        return self._own().resolve(reference)
