"""Everything that a server shows and holds, flat, and what of it a plan says will change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.clients.vbo import Reader, Session
from reconciler.kinds import KINDS, Field, Kind
from reconciler.kinds.naming import Naming
from reconciler.kinds.read_tracking import Traced
from reconciler.kinds.typed import typed
from reconciler.model.plan import Change
from reconciler.model.secret import is_secret
from tests.promises.server import LabServer

Place = tuple[str, str, str]
"""Collection, id, and the dotted name of a property."""

Snapshot = dict[Place, Any]

_ABSENT: Final[tuple[Any, ...]] = (None, "", [])
_MOVING: Final = {"eTag", "_links", "_actions", "id"}
_COLLECTIONS: Final = {kind.name: kind.collection for kind in KINDS.values() if kind.collection}
_OTHERS: Final = {
    6: ("Accounts", "objectstoragerepositories"),
    7: ("Accounts", "objectstoragerepositories"),
    8: ("Accounts",),
}
_BESIDE: Final = {"job": {"selectedItems": "SelectedItems", "excludedItems": "ExcludedItems"}}


def objects(session: Session) -> dict[str, dict[str, dict[str, Any]]]:
    """The raw objects of every collection, by id; with what belongs to them and is read on its own."""
    reader = Reader(session)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in KINDS.values():
        if not kind.collection or not kind.in_version(session.rest):
            continue
        listed = [reader.get(kind.collection)] if kind.singleton else reader.list(kind.collection)
        found[kind.collection] = {str(item.get("id", "")): item for item in listed}
        for ident, item in found[kind.collection].items():
            for name, path in _BESIDE.get(kind.name, {}).items():
                item[name] = reader.list(f"{kind.collection}/{ident}/{path}")
    for collection in _OTHERS[session.rest]:
        found[collection] = {str(item["id"]): item for item in reader.list(collection)}
    settings = reader.get("InternetProxySettings")
    return {**found, "InternetProxySettings": {"": settings}}


def shown(session: Session) -> Snapshot:
    return {
        (collection, ident, name): value
        for collection, listed in objects(session).items()
        for ident, item in listed.items()
        for name, value in flat(item)
    }


def secrets(server: LabServer) -> Snapshot:
    """The secrets that a server holds and never shows."""
    kept = {name: value for name, value in server.state.items() if name not in ("administrators", "tokens")}
    return {("", "", name): value for name, value in flat(kept) if is_secret(name.rpartition(".")[2])}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of an object by their dotted names; lists are leaves, without the ids and the order of their items."""
    if not isinstance(value, Mapping):
        yield name, _plain(value)
        return
    for part, inner in value.items():
        if part not in _MOVING or (part == "id" and name):
            yield from flat(inner, f"{name}.{part}" if name else part)


def _plain(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return sorted(repr(sorted(flat(item))) for item in value)
    return value


def leaves_of(field: Field, kind: Kind, raw: Mapping[str, Any], naming: Naming) -> set[str]:
    """The leaves that the value of a field is made of."""
    names: set[str] = set()
    field.from_api(Traced(typed(kind, naming.rest, raw), names), naming)
    return names


def differences(before: Snapshot, after: Snapshot) -> dict[Place, tuple[Any, Any]]:
    return {
        place: (before.get(place), after.get(place))
        for place in {*before, *after}
        if before.get(place) != after.get(place) and not (before.get(place) in _ABSENT and after.get(place) in _ABSENT)
    }


def unplanned(
    changed: Iterable[Place],
    changes: Iterable[Change],
    raws: Iterable[Mapping[str, Mapping[str, Mapping[str, Any]]]],
    naming: Naming,
) -> list[Place]:
    """The places that no change of a plan shows. `raws` are the objects before and after."""
    raws, changes = list(raws), list(changes)
    return sorted(place for place in changed if not any(_shows(change, place, raws, naming) for change in changes))


def _shows(
    change: Change, place: Place, raws: list[Mapping[str, Mapping[str, Mapping[str, Any]]]], naming: Naming
) -> bool:
    collection, ident, name = place
    kind = KINDS.get(change.key.address.partition(".")[0])
    if kind is None:
        return False
    if kind.name == "pool" and (collection, name) == ("Proxies", "proxyPoolId"):
        return any(item.path == "members" for item in change.fields)
    if kind.collection != collection or not _is_it(change, kind, ident, naming):
        return False
    if change.action.value != "update":
        return True
    fields = [item for item in kind.fields if any(item.name == planned.path for planned in change.fields)]
    for item in fields:
        if name.rpartition(".")[2] in item.implies or name in item.implies:
            return True
        for raw in raws:
            if ident in raw[collection] and name in leaves_of(item, kind, raw[collection][ident], naming):
                return True
    return False


def _is_it(change: Change, kind: Kind, ident: str, naming: Naming) -> bool:
    name = change.address.partition(".")[2]
    return kind.singleton or not naming.has(kind.name, name) or naming.id_of(kind.name, name) == ident
