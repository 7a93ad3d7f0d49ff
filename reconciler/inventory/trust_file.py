"""The file of `--trust`: what an inventory may reach, believe and run.

An inventory may come from a pull request, and planning it logs in where it says. The file is written by those who own
the credentials and stands where authors of inventories cannot change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse
from reconciler.inventory.includes import Includes
from reconciler.inventory.schema import schema_path
from reconciler.inventory.schema_errors import report_schema_errors
from reconciler.inventory.source import Unreadable, name_below, read
from reconciler.inventory.source_map import FILE_SHIFT
from reconciler.inventory.spelling import flow
from reconciler.kinds.packages import is_address
from reconciler.model.connection import Connection, Trust
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.secret import SecretRef
from reconciler.model.sentences import quoted
from reconciler.model.url import host_of

_FIX: Final = "See also: vbo-reconcile schema trust"

Pins = Mapping[str, Any]
"""The content of the file; see `schemas/trust.schema.json`."""

Need = tuple[str, str, Any]
"""What an inventory needs: where it says so (as in `Inventory.positions`), the section of the file, and the entry."""


def load_trust(path: Path, root: str) -> Pins:
    """The file at `path`, for an inventory in the folder `root`. Raises Diagnosed with everything that is wrong with
    it, also if it is inside that folder."""
    report, name = Diagnostics(), name_below(Path(root), path)
    try:
        source = read(path, name)
    except Unreadable as problem:
        report.add_unreadable(problem, name)
        raise Diagnosed(report.diagnostics()) from problem
    number = report.marks.add(source)
    pins = parse(source, number, report)
    if pins is not None or not report.count:
        report_schema_errors(_schema(), pins, number << FILE_SHIFT, report, fix=_FIX)
    if Includes(Path(root)).holds(path):
        detail = f"{path.name} is in the folder of the inventory: those who change the inventory can change it too."
        report.add("trust", detail, fix="Keep it elsewhere, where only those who own the credentials can write.")
    if report.count:
        raise Diagnosed(report.diagnostics())
    return dict(pins)


def distrusts_host(host: str, pins: Pins) -> str:
    """The entry under `hosts` that would allow a host, if there is none that does; otherwise empty."""
    return "" if _allows(pins.get("hosts", ()), "hosts", host) else _text("hosts", host)


def distrusted(inventory: Inventory, pins: Pins) -> list[Diagnostic]:
    """What `inventory` reaches, believes or runs beyond `pins`, each once, with the entry that would allow it."""
    found: dict[tuple[str, str], Diagnostic] = {}
    for where, section, entry in _needs(inventory):
        if not _allows(pins.get(section, ()), section, entry):
            text = _text(section, entry)
            found.setdefault((section, text), _refusal(where, section, text, inventory))
    return list(found.values())


def _needs(inventory: Inventory) -> Iterator[Need]:
    access = inventory.access
    server = access.server
    yield from (("server", "servers", name) for name in (server.host, server.rest_host, server.address) if name)
    yield from _beliefs("server", server.trust, inventory)
    if server.powershell is not None:
        yield from _connection("server", "servers", server.powershell, inventory)
    for name, connection in access.connections.items():
        yield from _connection(f"connections.{name}", "hosts", connection, inventory)
    for name, package in access.packages.items():
        if is_address(package.source):
            yield f"connections.{name}", "hosts", host_of(package.source) or package.source
        yield from _listed(f"connections.{name}", "authorities", package.ca_file, inventory)
    yield from _secrets(inventory)
    for file, digest in inventory.file_digests.items():
        if any(file.startswith(f"{folder}/") for folder in inventory.playbooks):
            yield "playbooks", "scripts", f"sha256:{digest}"


def _secrets(inventory: Inventory) -> Iterator[Need]:
    """What resolving the secrets runs and asks."""
    access = inventory.access
    for reference in sorted({*_references(access)}, key=str):
        if reference.scheme == "exec":
            name = reference.path if reference.path in access.commands else reference.path.partition("/")[0]
            yield "commands", "commands", {name: list(access.commands.get(name, (reference.path,)))}
        elif reference.scheme == "sops":
            yield from _listed("commands", "encrypted", reference.path.partition("#")[0], inventory)
    if access.vault.address:
        yield "vault", "vaults", host_of(access.vault.address) or access.vault.address
    yield from _beliefs("vault", access.vault.trust, inventory)


def _connection(where: str, section: str, connection: Connection, inventory: Inventory) -> Iterator[Need]:
    names = (connection.host, connection.address, connection.verified_name)
    yield from ((where, section, name) for name in names if name)
    yield from _beliefs(where, connection.trust, inventory)
    if connection.jump is not None:
        yield from _connection(where, "hosts", connection.jump, inventory)


def _beliefs(where: str, trust: Trust, inventory: Inventory) -> Iterator[Need]:
    for file in (trust.ca_file, *trust.known_hosts):
        yield from _listed(where, "authorities", file, inventory)
    yield from ((where, "authorities", key) for key in (trust.fingerprint, *trust.host_keys) if key)


def _listed(where: str, section: str, file: str, inventory: Inventory) -> Iterator[Need]:
    """The digest of a file. An absent one needs no trust: the code that reads it reports that it is missing."""
    if digest := inventory.file_digests.get(file, ""):
        yield where, section, f"sha256:{digest}"


def _references(part: Any) -> Iterator[SecretRef]:
    """Every reference to a secret in the access of an inventory."""
    if isinstance(part, SecretRef):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _references(value)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _references(getattr(part, field.name))


def _allows(allowed: Any, section: str, entry: Any) -> bool:
    if section == "commands":
        return isinstance(allowed, Mapping) and all(allowed.get(name) == command for name, command in entry.items())
    if section in ("servers", "hosts", "vaults"):
        return any(fnmatchcase(entry.lower(), pattern.lower()) for pattern in allowed)
    return entry in allowed


def _text(section: str, entry: Any) -> str:
    return flow(entry) if section == "commands" else flow([entry])


def _refusal(where: str, section: str, text: str, inventory: Inventory) -> Diagnostic:
    proxy = where.removeprefix("connections.")
    resource = next((item for item in inventory.told_of_kind("proxy") if item.name == proxy), None)
    position = resource.position if resource is not None and where != proxy else inventory.positions.get(where)
    return Diagnostic(
        code="distrusted",
        summary="Not allowed by the file of --trust",
        detail=f"{quoted(text)} is not among its {section}. Nothing was sent.",
        fix=f"If it is right, add to that file:\n  {section}: {text}",
        position=position,
        address=resource.address if resource is not None and where != proxy else "",
    )


@cache
def _schema() -> Any:
    return json.loads((schema_path().parent / "trust.schema.json").read_text("utf-8"))
