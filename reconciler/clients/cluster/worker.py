"""What runs on a worker: one visit to one host. Starting the worker takes nothing but this package on it.

Files are kept below the folder that Dask gives the worker. Dask removes it when the worker ends; that of a worker that
was killed, when another one starts on the machine.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from threading import Lock
from typing import Any, Final

from reconciler import timing
from reconciler.clients.cluster.errand import Answer, Declined, Errand, Once, of_error
from reconciler.clients.cluster.packing import PackedSecrets
from reconciler.clients.cluster.sealing import NotForThisWorker, WorkerKey
from reconciler.clients.cluster.unfit import unfit
from reconciler.inventory.secrets import Resolver
from reconciler.model.connection import ConnectionContext, Vault
from reconciler.model.errors import RemoteError, SecretError
from reconciler.model.login_gate import Attempt, LoginGate
from reconciler.model.secret import SecretRef

_making = Lock()
_keys: list[WorkerKey] = []
_folders: dict[tuple[Path, str], str] = {}
_begun: set[str] = set()
_MOST_FOLDERS: Final = 1024
_PREFIX: Final = "vbo-reconcile-"
"""No name of a module: Dask has the folder of the worker in its `sys.path`."""
_MOST_RUNS: Final = 16
"""Whose secrets are remembered."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """`epoch` and `monotonic` are the clocks of the worker, `public` the key that secrets for it are sealed to."""

    version: str
    python: str
    public: bytes
    epoch: float
    monotonic: float


def our_version() -> str:
    return version("vbo-reconcile")


def python_version() -> str:
    """Without the third number: what is sent is the same for all of them."""
    return ".".join(platform.python_version_tuple()[:2])


def greet() -> Greeting:
    return Greeting(our_version(), python_version(), _key().public, timing.epoch(), timing.monotonic())


async def visit(errand: Errand, dask_worker: Any) -> Answer:
    """Carry out the errand in one of the threads of the worker, whose number its command has. Other errands wait."""
    threads = dask_worker.executors["default"]
    folder = Path(dask_worker.local_directory)
    return await asyncio.get_running_loop().run_in_executor(threads, carry_out, errand, folder)


def carry_out(errand: Errand, folder: Path) -> Answer:
    """Visit the host; files are kept below `folder`. Errors of the host and of secrets are part of the answer."""
    try:
        document = json.loads(_key().unseal(errand.sealed))
    except NotForThisWorker:
        return Answer(declined=Declined.OTHER_KEY)
    if errand.once is not None and (declined := _declined(errand.once)):
        return Answer(declined=declined)
    asked = errand.question if document["params"] is None else replace(errand.question, params=document["params"])
    private = {name: base64.b64decode(data) for name, data in document["files"].items()}
    gate = _Watched()
    with ExitStack() as stack:
        try:
            root = stack.enter_context(_root(folder, errand.files, private))
        except OSError as error:
            return Answer(declined=unfit(error, folder))
        secrets = PackedSecrets(document, lambda: _own_secrets(str(Path.cwd()), errand.run))
        context = ConnectionContext(secrets, root, gate)
        try:
            return Answer(errand.visit(errand.connection, context, asked), accepted=gate.accepted)
        except (RemoteError, SecretError) as error:
            return of_error(error, gate.accepted)


def _declined(once: Once) -> Declined | None:
    """None: it may begin now, and never again."""
    with _making:
        if once.ident in _begun:
            return Declined.BEGUN
        if timing.monotonic() > once.begins_by:
            return Declined.LATE
        _begun.add(once.ident)
        return None


def _key() -> WorkerKey:
    with _making:
        if not _keys:
            _keys.append(WorkerKey())
        return _keys[0]


@lru_cache(_MOST_RUNS)
def _own_secrets(folder: str, run: str) -> Resolver:
    """For `resolve: worker`: references mean the environment of the worker, and files below its working folder. Each
    run resolves them again, because they may have been rotated."""
    del run
    from reconciler.clients.vault import VaultSecrets

    def from_vault(reference: SecretRef) -> str:
        return vault.read(reference)

    resolver = Resolver(folder, sources={"vault": from_vault})
    vault = VaultSecrets(Vault(), folder, resolver.resolve, os.environ)
    return resolver


@contextmanager
def _root(folder: Path, files: Mapping[str, bytes], private: Mapping[str, bytes]) -> Iterator[str]:
    """A folder in `folder` with these files. The one of public files stays for other visits, whose TLS contexts are
    shared."""
    if private:
        with TemporaryDirectory(prefix=_PREFIX, dir=folder) as root:
            _write(Path(root), {**files, **private})
            yield root
        return
    key = folder, hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    with _making:
        if key not in _folders:
            if len(_folders) >= _MOST_FOLDERS:
                oldest = next(iter(_folders))
                shutil.rmtree(_folders.pop(oldest), ignore_errors=True)
            _folders[key] = _lasting(folder, files)
        root = _folders[key]
    yield root


def _lasting(below: Path, files: Mapping[str, bytes]) -> str:
    folder = mkdtemp(prefix=_PREFIX, dir=below)
    try:
        _write(Path(folder), files)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(f"{name} is not below the folder of the visit")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)


class _Watched(LoginGate):
    """Notices whether the host accepted the password. What others did with it, the gate of the client knows."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: bool | None = None

    @contextmanager
    def attempt(self, peer: str, what: str, username: str, password: str) -> Iterator[Attempt]:
        with super().attempt(peer, what, username, password) as made:
            try:
                yield made
            finally:
                if made.is_refused or made.is_accepted:
                    self.accepted = made.is_accepted and self.accepted is not False
