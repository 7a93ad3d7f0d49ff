"""The inventory of what is there with the names of the server, for tests that edit it as data.

Written from the declarations in `kinds/` alone: a field's decoded value is what is written, so a new field joins by
itself. What cannot be said is listed with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from reconciler.clients.vbo import Reader
from reconciler.inventory import load
from reconciler.kinds import KINDS, Field, Kind, Mode
from reconciler.kinds.field import CREDENTIAL, hidden
from reconciler.kinds.job_items import written_items
from reconciler.kinds.naming import Naming
from reconciler.model.address import Address, name_of
from reconciler.model.inventory import LOCAL, Inventory, Resource
from reconciler.model.live import LiveResource
from reconciler.model.value import UNKNOWN
from reconciler.observe.server import read_server
from tests.promises.server import HOST_KEY

Document = dict[str, Any]

OF_LOCAL: Final = ("description", "threads", "throttle")
_DEPLOY: Final = "deploy"
"""The account of the hosts of proxies, which no server shows."""


@dataclass
class Declaration:
    """`document` is an inventory, `omitted` says what it does not say and why: address, field, reason."""

    document: Document
    omitted: list[tuple[str, str, str]] = field(default_factory=list)


def empty(rest: int, host: str, user: str) -> Document:
    """An inventory that names a server and declares nothing."""
    return {
        "version": 1,
        "name": "corp",
        "server": {"host": host, "rest": f"v{rest}", "credentials": "vbo-admin"},
        "credentials": {
            "vbo-admin": {"username": user, "password": "secret://env/PASSWORD"},
            _DEPLOY: {"username": "Administrator", "password": "secret://env/PASSWORD"},
        },
    }


def loaded(document: Document, folder: Path) -> Inventory:
    """Raises AssertionError with what `validate` would print."""
    file = folder / "inventory.yml"
    file.write_text(json.dumps(document), encoding="utf-8")
    inventory, problems = load(file, look_at_files=False)
    assert inventory is not None, [
        f"{item.address} {item.summary}: {item.detail}" for item in problems if item.is_error
    ]
    return inventory


def read_all(reader: Reader, inventory: Inventory) -> Mapping[Address, LiveResource]:
    """Every object with every field; the server's own proxy has the name that an inventory gives it."""
    own = Resource("proxy", LOCAL, {})
    known = replace(inventory, resources={own.address: own})
    return read_server(reader, known, Naming(reader.rest, inventory.access), whole=True).resources


def declare(rest: int, found: Mapping[Address, LiveResource], base: Document) -> Declaration:
    """What is there, as an inventory."""
    made = Declaration({**base, "credentials": dict(base["credentials"])})
    for where, live in sorted(found.items()):
        kind = KINDS[live.kind]
        if reason := _why_not(live, found):
            made.omitted.append((str(where), "", reason))
            continue
        entry = _entry(made.document, kind, live.name)
        entry |= _more(live)
        for item in kind.fields:
            if item.decode is hidden or item.mode is Mode.LOCAL or item.name in ("name", "host") or item.through:
                continue
            value = live.fields[item.name]
            if not item.in_version(rest) or value is None or not item.is_imported(live.fields):
                continue
            reason = _unsayable(item.name, value, live)
            if not reason and not write(made.document, kind, live.name, item, value):
                reason = "it is a part of what is off"
            if reason:
                made.omitted.append((str(where), item.name, reason))
                if (live.kind, item.name) == ("job", "items"):  # without a word, a new job would have all
                    entry["items"] = "unmanaged"
    return made


def _more(live: LiveResource) -> dict[str, Any]:
    """What an inventory says besides what the server shows. Nothing is run: drawn servers have no data."""
    if live.name == LOCAL:
        return {}
    if live.kind == "proxy":
        keys = {"connection": {"host_keys": [f"ssh-ed25519 {HOST_KEY}"]}} if live.fields["os"] == "linux" else {}
        return {"host": live.fields["host"], "credentials": _DEPLOY, "type": "workgroup", **keys}
    return {"run": "never"} if live.kind == "job" else {}


def _why_not(live: LiveResource, found: Mapping[Address, LiveResource]) -> str:
    """Why an object cannot be declared; empty if it can."""
    if live.kind == "job" and live.fields["items"] in ([], ["(selected objects)"]):
        return "its items are objects"
    owner = live.fields.get("owner") if live.kind == "repository" else live.fields.get("repository")
    if isinstance(owner, str):
        used = found.get(Address(owner if live.kind == "repository" else f"repository.{owner}"))
        return f"it uses {used.kind}.{used.name}" if used is not None and _why_not(used, found) else ""
    return ""


def _unsayable(name: str, value: Any, live: LiveResource) -> str:
    """Why a value cannot be declared; empty if it can."""
    if value is UNKNOWN:
        return "the server does not show it"
    if value == "" and name not in ("description", "subject"):
        return "there is none"
    if live.name == LOCAL and name not in OF_LOCAL:
        return "the server's own proxy is declared without it"
    return ""


def _entry(document: Document, kind: Kind, name: str) -> dict[str, Any]:
    section: dict[str, Any] = document.setdefault(kind.section, {})
    found: dict[str, Any] = section if kind.singleton else section.setdefault(name, {})
    return found


def write(document: Document, kind: Kind, name: str, item: Field, value: Any) -> bool:
    """Write one value of an object where an inventory has it. Whether it has a place."""
    entry = _entry(document, kind, name)
    if item.gathered:  # the members say it
        for member in value:
            _entry(document, KINDS[item.refers[0]], member)[item.gathered] = name
    elif item.addressed:
        address = Address(value)
        entry[address.partition(".")[0]] = name_of(address)
    else:
        _forget(entry, item.name, {other.name for other in kind.fields})
        return _put(entry, item.name, _as_written(document, item, value))
    return True


def _forget(entry: dict[str, Any], path: str, names: Collection[str]) -> None:
    """Take the value of a field out of an entry, and leave what other fields say within it."""
    *outer, last = path.split(".")
    for part in outer:
        entry = entry.get(part, {}) if isinstance(entry, dict) else {}
    found = entry.get(last) if isinstance(entry, dict) else None
    if isinstance(found, dict):
        entry[last] = {part: value for part, value in found.items() if _is_said(f"{path}.{part}", names)}
        if not entry[last]:
            del entry[last]


def _is_said(path: str, names: Collection[str]) -> bool:
    return any(name == path or name.startswith(f"{path}.") for name in names)


def _as_written(document: Document, item: Field, value: Any) -> Any:
    """A value as an inventory has it; a user name that the server shows is the name of an entry of `credentials`."""
    if item.name in ("items", "exclude"):
        return written_items(value)
    if CREDENTIAL in item.refers and value != "none":
        return credential(document, str(value))
    if isinstance(value, Mapping) and "credentials" in value:
        return {**value, "credentials": credential(document, str(value["credentials"]))}
    return item.as_written(value)


def credential(document: Document, username: str) -> str:
    """The name of the entry for a user."""
    known = {entry["username"]: name for name, entry in document["credentials"].items()}
    name: str = known.get(username) or f"login-{len(known)}"
    document["credentials"].setdefault(name, {"username": username, "password": "secret://env/PASSWORD"})
    return name


_AS_MAPS: Final = {word: {word: True} for word in ("immediate", "manual")}
"""Values that are one word as long as nothing belongs to them."""


def _put(entry: dict[str, Any], path: str, value: Any) -> bool:
    outer, _, rest = path.partition(".")
    if not rest:
        below = entry.get(outer)
        entry[outer] = {**value, **below} if isinstance(value, dict) and isinstance(below, dict) else value
        return True
    below = entry.setdefault(outer, {})
    if isinstance(below, str):
        below = entry[outer] = {**_AS_MAPS[below]} if below in _AS_MAPS else below
    return isinstance(below, dict) and _put(below, rest, value)
