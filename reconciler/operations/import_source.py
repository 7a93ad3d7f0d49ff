"""What an import begins with: how the server is reached, from an inventory or from options."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.secret import Secret, SecretRef

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.secret import SecretResolver
    from reconciler.operations.runtime import Runtime

VARIABLE: Final = "VBO_PASSWORD"
"""The environment variable with the password of the server, unless another reference is given."""
_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLogin:
    """A server without an inventory. `password` is a reference to a secret."""

    host: str
    username: str
    password: str = f"secret://env/{VARIABLE}"
    port: int = 0
    ca_file: str = ""
    fingerprint: str = ""

    def document(self, name: str) -> dict[str, Any]:
        """An inventory that declares nothing."""
        tls = {key: value for key, value in (("ca_file", self.ca_file), ("fingerprint", self.fingerprint)) if value}
        server: dict[str, Any] = {"host": self.host}
        server |= {"port": self.port} if self.port else {}
        server |= {"credentials": "vbo-admin", **({"tls": tls} if tls else {})}
        login = {"username": self.username, "password": self.password}
        return {"version": 1, "name": name, "server": server, "credentials": {"vbo-admin": login}}


@dataclass(frozen=True, slots=True)
class Source:
    """`root` is the document of an inventory whose relative paths start from `home`."""

    inventory: Inventory
    home: Path
    root: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SecretsOf:
    """Secrets for the inventory that a `folder` will have, from those of another one."""

    resolver: SecretResolver
    folder: Path

    def resolve(self, reference: SecretRef) -> Secret:
        if reference.scheme in ("file", "sops") and not Path(reference.path).is_absolute():
            reference = SecretRef(reference.scheme, os.path.normpath(self.folder.absolute() / reference.path))
        return self.resolver.resolve(reference)


def source_of(given: Path | ServerLogin, name: str, runtime: Runtime, *, lab: bool) -> Source:
    """Raises Diagnosed if the inventory, or what the options say, has errors."""
    from reconciler.inventory.raw_document import raw_document
    from reconciler.operations.inventory_loader import check_trust, load_inventory

    if isinstance(given, Path):
        return Source(load_inventory(given, runtime, lab=lab), *raw_document(given, runtime.include_root))
    root = given.document(name or given.host.partition(".")[0])
    with tempfile.TemporaryDirectory(prefix="vbo-reconcile-import-") as folder:
        file = Path(folder, "options.yml")
        file.write_text(json.dumps(root), encoding="utf-8")
        inventory = load_inventory(file, runtime, lab=True)
    if not lab:
        check_trust(inventory, runtime)
    here = Path.cwd()
    return Source(replace(inventory, access=replace(inventory.access, root=str(here))), here, root)


def inventory_in(folder: Path) -> Path:
    """The main file of the inventory that an import wrote to a folder. Raises Diagnosed if there is none."""
    for file in imported_in(folder).values():
        return file
    detail = f"{folder} has no inventory that an import wrote, so it is not known which server to import."
    fix = "Name the server with --server and --username, or an inventory that names it with --from."
    raise Diagnosed([Diagnostic("no-source", "No server is named", detail, fix)])


def imported_in(folder: Path) -> Mapping[str, Path]:
    """The main files of the inventories that imports wrote to a folder, by the name of the inventory."""
    import yaml

    from reconciler.importing.files import MADE_HERE

    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*.yml")):
        text = file.read_text("utf-8", "replace") if file.is_file() else ""
        line = re.search("^name: *[^ \n].*$", text, re.MULTILINE) if text.startswith(MADE_HERE) else None
        if line is not None:
            with suppress(yaml.YAMLError):
                found.setdefault(str(yaml.safe_load(line[0])["name"]), file)
    return found


def presented_fingerprint(login: ServerLogin) -> str:
    """The fingerprint of the certificate that the server presents. Nothing is sent. Raises OSError."""
    from reconciler.clients.http.tls import presented
    from reconciler.inventory.schema import schema

    usual = int(schema()["$defs"]["server"]["properties"]["port"]["default"])
    return f"sha256:{presented((login.host, login.port or usual), _SECONDS)[1]}"
