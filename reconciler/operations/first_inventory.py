"""`init`: the first inventory of a server, as text: its login, the pin of its certificate, one proxy. Reads only."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.model.diagnostic import Diagnosed
from reconciler.operations.import_source import ServerLogin, source_of
from reconciler.operations.runtime import Runtime

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory

WINDOWS, LINUX = "windows-domain", "linux"
CLASSES: Final = (WINDOWS, LINUX)
_ADMIN: Final = "vbo-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstProxy:
    """A host that becomes a proxy. Without a `username` a Windows host is reached with the account of the server."""

    host: str
    kind: str = WINDOWS
    username: str = ""

    @property
    def key(self) -> str:
        return re.sub(r"[^A-Za-z0-9_-]+", "-", self.host.partition(".")[0]).strip("-").lower() or "px-1"


@dataclass(frozen=True, slots=True)
class Found:
    """What a login to the server showed. `proxies` are those that the product does not bring along."""

    rest: int
    build: str
    proxies: int


def try_server(login: ServerLogin, name: str, runtime: Runtime | None = None, *, lab: bool = False) -> Found:
    """Log in and read what is there. Raises Diagnosed, RemoteError, SecretError, JournalError and LabError."""
    from reconciler.operations.session import open_session

    runtime = runtime or Runtime()
    source = source_of(login, name, runtime, lab=lab)
    with open_session(source.inventory, runtime, lab=lab) as session:
        live = session.observe_server(whole=True)
    proxies = [item for item in live.resources.values() if item.kind == "proxy" and not item.proxy.is_local]
    return Found(live.server.rest, live.server.build, len(proxies))


def first_inventory(login: ServerLogin, name: str, proxy: FirstProxy | None = None) -> str:
    """The text of an inventory without errors. Raises Diagnosed if what was given makes none."""
    text = "".join(f"{line}\n" for line in _lines(login, name, proxy))
    _check(text)
    return text


def _lines(login: ServerLogin, name: str, proxy: FirstProxy | None) -> Iterator[str]:
    yield "version: 1"
    yield f"name: {name}  # marks what this inventory creates: keep it"
    yield ""
    yield "server:"
    yield f"  host: {login.host}"
    if login.port:
        yield f"  port: {login.port}"
    yield f"  credentials: {_ADMIN}"
    if login.fingerprint:
        yield f'  tls: {{fingerprint: "{login.fingerprint}"}}'
    elif login.ca_file:
        yield f"  tls: {{ca_file: {_quoted(login.ca_file)}}}"
    yield f"  powershell: {{credentials: {_ADMIN}}}  # WinRM: upgrades, certificates"
    yield ""
    yield "credentials:  # references: no file of this inventory holds a secret"
    yield f"  {_ADMIN}: {{username: {_quoted(login.username)}, password: {login.password}}}"
    if proxy is not None:
        yield from _proxy(proxy)


def _proxy(proxy: FirstProxy) -> Iterator[str]:
    own = bool(proxy.username) or proxy.kind == LINUX
    account = f"{proxy.key}-admin" if own else _ADMIN
    variable = re.sub(r"[^A-Z0-9]", "_", proxy.key.upper()) + "_PASSWORD"
    if own:
        sudo = ", sudo: true" if proxy.kind == LINUX and proxy.username != "root" else ""
        login = f"username: {_quoted(proxy.username or 'root')}, password: secret://env/{variable}"
        yield f"  {account}: {{{login}{sudo}}}"
    yield ""
    yield "proxies:"
    yield f"  {proxy.key}:"
    yield f"    host: {proxy.host}"
    if proxy.kind == LINUX:
        yield "    os: linux"
    yield f"    type: {'workgroup' if proxy.kind == LINUX else 'domain'}"
    yield f"    credentials: {account}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _check(text: str) -> Inventory:
    from reconciler.operations.inventory_loader import read_inventory

    with tempfile.TemporaryDirectory(prefix="vbo-reconcile-init-") as folder:
        file = Path(folder, "inventory.yml")
        file.write_text(text, encoding="utf-8")
        inventory, found = read_inventory(file, lab=True)
    if inventory is None:
        raise Diagnosed(found)
    return inventory
