"""What becomes of every property of the API: declared as a field, kept as it is, read-only, or not reconciled.

What a field is made of is not written down a second time: its decoder is run on samples of the schema, and what it
reads is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from reconciler.kinds import KINDS, api
from reconciler.kinds.api import Schema
from reconciler.kinds.field import Kind, Mode, hidden
from reconciler.kinds.naming import Naming
from reconciler.kinds.read_tracking import Traced
from reconciler.kinds.typed import typed
from reconciler.model.connection import Access, Credential, Server
from reconciler.model.secret import SecretRef

COLLECTIONS: Final = ("Proxies", "ProxyPools", "BackupRepositories", "Jobs", "CopyJobs", "VboEmailSettings")
"""The collections whose properties are listed."""

_UNSHOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "Proxies": {
        "attachUsedProxy": "sent by a takeover, and for a service that is installed by package",
        "createServiceAccount": "the account of the service is made when the proxy is added",
        "internetProxySettings.userPassword": "internet_proxy.credentials",
        "password": "credentials",
        "serviceAccountName": "the account of the service is made when the proxy is added",
        "serviceAccountPassword": "the account of the service is made when the proxy is added",
        "sshSettings": "credentials",
        "useDomainNetwork": "type",
        "username": "credentials",
    },
    "BackupRepositories": {
        "attachUsedRepository": "data of another server is not attached",
        "ignoreProxyPoolApplianceAccessValidation": "a check of the server is not switched off",
    },
    "Jobs": {
        "runNow": "jobs are started by themselves, see `run`",
    },
    "VboEmailSettings": {
        "requestId": "a part of a person's sign-in",
        "userPassword": "credentials",
    },
}
"""By collection, the properties that only requests have: the field that says them, or why there is none."""


_OF_OTHERS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "Proxies": {"proxyPoolId": ("pool", "changed through the members of pools")},
}
"""By collection, the properties that an inventory declares and another collection changes: the key, and how."""


class Handling(StrEnum):
    """What becomes of a property."""

    DECLARED = "declared"
    KEPT = "kept as it is"
    READ_ONLY = "read-only"
    NOT_RECONCILED = "not reconciled"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Property:
    """`name` has dots where the parts of a map differ in what becomes of them. `fields` are those that declare it."""

    name: str
    handling: Handling
    fields: tuple[str, ...] = ()
    why: str = ""


def properties_of(rest: int, collection: str) -> list[Property]:
    """Every property that the objects of a collection show, and that POST and PUT accept, sorted."""
    kind = next((found for found in KINDS.values() if found.collection == collection), None)
    read = _read_by_fields(kind, rest) if kind is not None else {}
    path = collection if kind is not None and kind.singleton else f"{collection}/{{id}}"
    shown = _flat(rest, api.properties(rest, api.operation(rest, "GET", path).answer), read)
    sent: dict[str, Schema] = {}
    for method, where in (("POST", collection), ("PUT", path)):
        if method == "PUT" or path != collection:
            sent |= _flat(rest, api.properties(rest, api.operation(rest, method, where).body), read)
    names = sorted({*shown, *sent, *(name for name in read if "." not in name)})
    return [_property(collection, kind, name, shown, sent, read) for name in names]


def _property(
    collection: str,
    kind: Kind | None,
    name: str,
    shown: Mapping[str, Schema],
    sent: Mapping[str, Schema],
    read: Mapping[str, tuple[str, ...]],
) -> Property:
    if kind is None:
        return Property(name, Handling.NOT_RECONCILED, why="objects of this collection are not reconciled")
    if name in read:
        fixed = all(kind.field(field).mode is Mode.LOCAL for field in read[name])
        return Property(name, Handling.DECLARED, read[name], "compared, and never changed" if fixed else "")
    if name in _OF_OTHERS.get(collection, {}):
        key, how = _OF_OTHERS[collection][name]
        return Property(name, Handling.DECLARED, (key,), how)
    moving = {"id", *kind.volatile} & {name, name.rpartition(".")[2]}
    if name in shown and (name not in sent or moving or sent[name].read_only):
        return Property(name, Handling.READ_ONLY)
    if name in shown:
        return Property(name, Handling.KEPT)
    said = _UNSHOWN.get(collection, {}).get(name, "")
    if any(field.name == said or field.name.startswith(f"{said}.") for field in kind.fields if said):
        return Property(name, Handling.DECLARED, (said,))
    return Property(name, Handling.NOT_RECONCILED if said else Handling.UNDECIDED, why=said)


def _flat(rest: int, properties: Mapping[str, Schema], read: Mapping[str, Any], under: str = "") -> dict[str, Schema]:
    """Properties by their dotted names; a map is one of them unless its parts are declared apart."""
    found: dict[str, Schema] = {}
    for name, schema in properties.items():
        path = f"{under}{name}"
        if name.startswith("_"):
            continue
        inner = {} if schema.type == "array" else api.properties(rest, schema)
        if inner and any(other.startswith(f"{path}.") for other in read):
            found |= _flat(rest, inner, read, f"{path}.")
        else:
            found[path] = schema
    return found


def _read_by_fields(kind: Kind, rest: int) -> dict[str, tuple[str, ...]]:
    """The properties that the fields of a kind are made of, each with those fields."""
    naming = naming_of(rest)
    schemas = _shown(kind, rest)
    found: dict[str, list[str]] = {}
    for sample in samples_of(kind, rest):
        for field in kind.fields:
            if field.decode is hidden or not field.in_version(rest):
                continue
            names: set[str] = set()
            field.from_api(Traced(typed(kind, rest, sample), names), naming)
            for name in names:
                if field.name not in found.setdefault(name, []):
                    found[name].append(field.name)
    known = {name: fields for name, fields in sorted(found.items()) if _exists(rest, schemas, name)}
    return {name: kept for name, fields in known.items() if (kept := _declaring(fields, known))}


def _shown(kind: Kind, rest: int) -> dict[str, Schema]:
    """The properties that the objects of a kind show, with those that observation adds."""
    path = kind.collection if kind.singleton else f"{kind.collection}/{{id}}"
    return {**api.properties(rest, api.operation(rest, "GET", path).answer), **_added(kind, rest)}


def samples_of(kind: Kind, rest: int) -> Iterator[dict[str, Any]]:
    """Objects with every property: one, and one more for each other word and flag."""
    return _samples(rest, _shown(kind, rest))


def _declaring(fields: Sequence[str], read: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Of the fields that read a property those that declare it: many read the one that says which of them apply. What
    pieces of a field read as well is declared by the field."""
    whole = [field for field in fields if all(f"{other}.".startswith(f"{field}.") for other in fields)]
    if whole:
        return (whole[0],)
    alone = [field for field in fields if sum(1 for others in read.values() if field in others) == 1]
    return tuple(alone or fields if len(alone or fields) <= _DECLARED_BY else ())


def _added(kind: Kind, rest: int) -> dict[str, Schema]:
    """What observation adds to the objects of this version."""
    known = api.names(rest)
    return {name: schema for name, schema in kind.added if not schema.ref or schema.ref in known}


def _exists(rest: int, schemas: Mapping[str, Schema], name: str) -> bool:
    """Whether a version has a property: decoders ask for those of other versions, too."""
    head, _, tail = name.partition(".")
    if head not in schemas:
        return False
    return not tail or _exists(rest, api.properties(rest, schemas[head]), tail)


def naming_of(rest: int) -> Naming:
    """Knows the one id that samples have."""
    login = Credential("", "", SecretRef("env", "PASSWORD"))
    return Naming(rest, Access(Server("", login), {}, {}, {}, ""))


def _samples(rest: int, schemas: Mapping[str, Schema]) -> Iterator[dict[str, Any]]:
    yield {name: _value(rest, schema, name) for name, schema in schemas.items()}
    for name, schema in schemas.items():
        for value in _others(rest, schema):
            yield {**{other: _value(rest, item, other) for other, item in schemas.items()}, name: value}


def _others(rest: int, schema: Schema) -> Iterator[Any]:
    """Other values than that of `_value`, one part at a time."""
    found = api.schema(rest, schema.ref) if schema.ref else schema
    yield from found.enum[1:]
    if found.type == "boolean":
        yield False
    if schema.nullable:
        yield None
    if found.type == "array" and found.items is not None:
        yield from ([value] for value in _others(rest, found.items))
    for name, inner in found.properties.items():
        for value in _others(rest, inner) if inner.ref != schema.ref else ():
            yield {**_value(rest, found, ""), name: value}


def _value(rest: int, schema: Schema, name: str, depth: int = 0) -> Any:
    found = api.schema(rest, schema.ref) if schema.ref else schema
    if found.enum:
        return found.enum[0]
    if found.properties:
        return {
            part: _value(rest, inner, part, depth + 1) for part, inner in found.properties.items() if depth < _DEEPEST
        }
    if found.type == "array":
        if found.items is None or depth >= _DEEPEST:
            return []
        item = _value(rest, found.items, name, depth + 1)
        return [item] * _WEEK + [False] if isinstance(item, bool) else [item]
    text = "04:30:00" if name.endswith("Time") else _TEXT
    return {"boolean": True, "integer": 7, "number": 7, "string": text}.get(found.type, {})


_DECLARED_BY: Final = 2
"""Fields that declare one property at most."""
_TEXT: Final = "7"
_DEEPEST: Final = 5
_WEEK: Final = 7 * 24 - 1
