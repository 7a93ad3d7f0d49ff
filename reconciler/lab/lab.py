"""The lab, as commands and tests use it: open it for an inventory, work in it, close it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from reconciler import timing
from reconciler.kinds.field import LAST_REST
from reconciler.lab.certificates import replacements
from reconciler.lab.control import ControlClient, ControlServer
from reconciler.lab.declared_world import declared_world
from reconciler.lab.errors import LabError, LabGone
from reconciler.lab.outside import NOTHING, Outside
from reconciler.lab.packages import stand_ins
from reconciler.lab.pki import Authority
from reconciler.lab.redirect import View, lab_logins, redirect
from reconciler.lab.running import RunningLab
from reconciler.lab.secrets import LabSecrets
from reconciler.model.connection import (
    Access,
    Certificate,
    Connection,
    Credential,
    DirectHosts,
    Package,
    none_direct,
)
from reconciler.model.inventory import Inventory
from reconciler.model.version import rest_number

_PATIENCE: Final = 30.0
_LOCK: Final = "lock"
_OLD_KEY: Final = "server.key"
"""Of a lab whose server kept the passwords of the user, encrypted with this."""


class _World(Protocol):
    """The lab itself, in this process or in another one."""

    direct: DirectHosts

    def call(self, method: str, args: Mapping[str, Any] | None = None) -> Any: ...

    def close(self) -> None: ...


class Lab:
    """An open lab. `resolver` resolves secrets in it; `redirect` bends the way to the world into it.

    Where another process has the lab of this folder open already (`lab serve`, or another command), this one works
    in that, and brings its inventory in.
    """

    def __init__(
        self,
        access: Access,
        world: _World,
        view: View,
        certificates: Mapping[str, Certificate],
        resolver: LabSecrets,
        packages: Mapping[str, Package] | None = None,
    ) -> None:
        self._world = world
        self._view = view
        self._certificates = certificates
        self._packages = packages or {}
        self._outside = access
        self._access = redirect(access, view, certificates, self._packages)
        self.resolver = resolver

    @classmethod
    def open(
        cls,
        inventory: Inventory,
        folder: Path,
        outside: Outside = NOTHING,
    ) -> Lab:
        """The lab of `inventory`, with its state in `folder`. `outside` are machines that it does not emulate; a lab
        that runs already has its own. Raises LabError and StateError."""
        folder = folder.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if (folder / _OLD_KEY).exists():
            raise LabError(f"an older version may have kept real passwords in {folder}; start over with: lab reset")
        lock, access = _locked(folder), lab_logins(inventory.access)
        try:
            authority = Authority(folder / "pki")
            secrets = LabSecrets(folder / "secrets", access.credentials, access.root)
            certificates = replacements(inventory.access, secrets, authority, folder / "certificates")
            packages = stand_ins(inventory, folder / "packages")
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise
        world = _enter(folder, authority, lock, outside)
        try:
            answer = world.call("adopt", declared_world(inventory, access, secrets, certificates))
            return cls(inventory.access, world, _view(answer), certificates, secrets, packages)
        except BaseException:
            world.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def redirect(self, access: Access) -> Access:
        """The same access, to the lab. Raises LabError for a host that the lab does not have."""
        if access is self._outside:
            return self._access
        return redirect(access, self._view, self._certificates, self._packages)

    @property
    def direct(self) -> DirectHosts:
        """Reads from hosts that this process emulates, without a network between."""
        return self._world.direct

    def mails(self) -> list[dict[str, Any]]:
        """Every mail that the mail server took, oldest first: see `mail.inbox`."""
        mails: list[dict[str, Any]] = self._world.call("mails")
        return mails

    def status(self) -> dict[str, Any]:
        """What the lab holds: `{folder, server, hosts, mails}`."""
        status: dict[str, Any] = self._world.call("status")
        return status

    def set(self, target: str, key: str, value: str) -> str:
        """Let something happen (see `switches`); gives a sentence. Raises LabError."""
        return str(self._world.call("set", {"target": target, "key": key, "value": value}))

    def endpoints(self) -> dict[str, Any]:
        """Where everything is and how to log in, for clients that are none of ours. Their passwords are those
        of the lab."""
        server = self._access.server
        hosts = [self._host(name) for name in sorted(self._access.connections)]
        return {
            "url": f"https://{server.address}:{server.port}",
            "token_url": f"https://{server.address}:{server.port}/v{rest_number(server.rest) or LAST_REST}/token",
            "ca_file": self._view.ca_file,
            "username": server.credential.username,
            "password": self._shown(server.credential),
            "smtp": {**self._view.smtp},
            "hosts": hosts,
        }

    def _host(self, name: str) -> dict[str, Any]:
        connection = self._access.connections[name]
        entry: dict[str, Any] = {
            "name": connection.host,
            "proxy": name,
            "transport": str(connection.transport),
            "address": connection.address,
            "port": connection.port,
            "username": connection.credential.username if connection.credential else "",
        }
        if connection.trust.host_keys:
            entry["host_key"] = connection.trust.host_keys[0]
        if connection.credential is not None and connection.credential.password is not None:
            entry["password"] = self._shown(connection.credential)
        return entry | self._files(connection)

    def _files(self, connection: Connection) -> dict[str, str]:
        """Key and certificate files, for logins that take them."""
        credential, certificate = connection.credential, connection.certificate
        if credential is not None and credential.private_key is not None:
            return {"key_file": self.resolver.key_file(credential.private_key)}
        if certificate is None or not certificate.cert or certificate.key is None:
            return {}
        file = Path(self._access.root, certificate.cert)
        return {"cert_file": str(file), "key_file": str(file.with_suffix(".key"))}

    def _shown(self, credential: Credential) -> str:
        return self.resolver.resolve(credential.password).reveal() if credential.password else ""

    def close(self) -> None:
        self._world.close()


def reset(folder: Path) -> None:
    """Forget the lab of this folder. Raises LabError where a process has it open."""
    if not folder.exists():
        return
    lock = _locked(folder.absolute())
    if lock is None:
        raise LabError(f"the lab in {folder} is running; end it first")
    shutil.rmtree(folder)
    os.close(lock)


def _enter(folder: Path, authority: Authority, lock: int | None, outside: Outside) -> _World:
    """The lab here, with the lock, or in the process that has it. One that ends, or that has only begun, is followed:
    its lock is taken, or it is asked again."""
    end = timing.monotonic() + _PATIENCE
    while True:
        if lock is not None:
            try:
                return _Here(folder, authority, lock, outside)
            except BaseException:
                os.close(lock)
                raise
        try:
            return _Remote(ControlClient(folder, authority.ca_file))
        except LabGone:
            if timing.monotonic() > end:
                raise
        timing.sleep(0.05)
        lock = _locked(folder)


class _Here:
    """The lab runs in this process; others may come in through its control."""

    def __init__(self, folder: Path, authority: Authority, lock: int, outside: Outside) -> None:
        self._lab = RunningLab(folder, authority, outside)
        self.direct: DirectHosts = self._lab.direct
        self._control = ControlServer(folder, authority, self._lab.acceptor, self._lab.handle)
        self._lock = lock

    def call(self, method: str, args: Mapping[str, Any] | None = None) -> Any:
        return self._lab.handle(method, args or {})

    def close(self) -> None:
        self._control.close(_PATIENCE)
        self._lab.close()
        os.close(self._lock)


class _Remote:
    """The lab runs in another process."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self.direct: DirectHosts = none_direct

    def call(self, method: str, args: Mapping[str, Any] | None = None) -> Any:
        return self._control.call(method, args)

    def close(self) -> None:
        self._control.close()


def _locked(folder: Path) -> int | None:
    """A lock on the folder that ends with the process; None if another process already runs the lab."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    end = timing.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if (folder / "control.json").exists():
                os.close(lock)
                return None
        else:
            (folder / "control.json").unlink(missing_ok=True)  # of a process that was killed
            return lock
        if timing.monotonic() > end:
            os.close(lock)
            raise LabError(f"another process holds {folder / _LOCK}, and its lab does not come up")
        timing.sleep(0.05)


def _view(answer: Mapping[str, Any]) -> View:
    return View(
        ca_file=str(answer["ca_file"]),
        server=(str(answer["server"][0]), int(answer["server"][1])),
        hosts=_places(answer["hosts"]),
        host_keys=dict(answer["host_keys"]),
        smtp=dict(answer["smtp"]),
        sealed=_places(answer["sealed"]),
    )


def _places(answer: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    return {name: (str(place[0]), int(place[1])) for name, place in answer.items()}
