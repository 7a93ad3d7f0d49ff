"""What a PUT sends, and what it changed besides: pure, from the table of the REST version (`kinds/api`).

Whether a PUT of the product merges or replaces is not documented (facts, U2). So it sends everything that the server
returned and the PUT accepts, with the changed properties laid over it: both give the same object. A property that the
plan does not change is sent as it was read, never as the inventory or this program would write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.kinds import api
from reconciler.kinds.api import Schema
from reconciler.kinds.field import Kind, Raw
from reconciler.model.secret import MASK, is_secret, without_secrets
from reconciler.model.sentences import quoted

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
"""Values that mean the same as an absent property: the versions differ in which of them they write."""
_PLAIN: Final = (str, int, bool, float)
"""Types of the parts that hold no other parts."""


def accepted(kind: Kind, rest: int) -> Mapping[str, Schema]:
    """The properties that the PUT of a kind accepts. REST v5 has no published table; the one of v6 stands in."""
    path = kind.collection if kind.singleton else f"{kind.collection}/{{id}}"
    version = max(rest, api.VERSIONS[0])
    return api.properties(version, api.operation(version, "PUT", path).body)


def put_body(kind: Kind, rest: int, raw: Raw, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a PUT: what was read, with `changed` (properties of the API) laid over it.

    `raw` is the object as it was read for this PUT, with what the server keeps in separate collections. Raises
    LookupError with the names of required properties that the server does not show and the plan does not change.
    """
    version = max(rest, api.VERSIONS[0])
    known = accepted(kind, rest)
    kept = {
        name: _writable(version, known[name], value, kind.volatile)
        for name, value in raw.items()
        if name in known and _is_sent(name, known[name], value, kind.volatile)
    }
    body = overlay(kept, changed)
    missing = sorted(name for name, schema in known.items() if schema.required and body.get(name) is None)
    if missing:
        raise LookupError(", ".join(missing))
    return body


def item_put_body(path: str, rest: int, raw: Raw, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The same for an item of a collection below an object; `path` is the template of its PUT."""
    version = max(rest, api.VERSIONS[0])
    schema = api.operation(version, "PUT", path).body
    return overlay(_writable(version, schema, raw, frozenset()), changed) if schema else dict(changed)


def overlay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`, map by map; lists and plain values of `over` win whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def side_effects(
    kind: Kind, before: Raw, after: Raw, changed: Mapping[str, Any], implied: Iterable[str] = ()
) -> list[str]:
    """The properties that differ between two reads and are not in `changed`, as `name: before -> after`, sorted. Names
    and values are the server's, so long ones are cut; those of secrets are masked. A mask in `before` is not compared.

    What moves by itself (`Kind.volatile`) or with the changed fields (`implied`, see `Field.implies`), ids of items and
    links are not compared.
    """
    return sorted(_differences(before, after, changed, kind.volatile | set(implied), ""))


def _writable(rest: int, schema: Schema, value: Any, volatile: frozenset[str]) -> Any:
    """`value` without the parts that a request may not hold."""
    inner = api.properties(rest, schema)
    if isinstance(value, Mapping) and inner:
        return {
            name: _writable(rest, inner[name], part, volatile)
            for name, part in value.items()
            if name in inner and _is_sent(name, inner[name], part, volatile)
        }
    if isinstance(value, list):
        return [_writable(rest, schema, item, volatile) for item in value]
    return value


def _is_sent(name: str, schema: Schema, value: Any, volatile: frozenset[str]) -> bool:
    return value is not None and not schema.read_only and name not in volatile and not name.startswith("_")


def _differences(before: Any, after: Any, changed: Any, volatile: frozenset[str], path: str) -> Iterator[str]:
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if before != MASK and not _equal(before, after, volatile):
            was, now = (MASK if is_secret(path) else quoted(without_secrets(value)) for value in (before, after))
            yield f"{quoted(path)}: {was} -> {now}"
        return
    for name in {*before, *after} - volatile:
        inner = changed.get(name) if isinstance(changed, Mapping) else None
        if name.startswith("_") or (inner is not None and not isinstance(inner, Mapping)):
            continue
        where = f"{path}.{name}" if path else name
        yield from _differences(before.get(name), after.get(name), inner, volatile, where)


def _equal(before: Any, after: Any, volatile: frozenset[str]) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return _items(before, volatile) == _items(after, volatile)
    return before == after or (before in _EMPTY and after in _EMPTY)


def _items(items: Sequence[Any], volatile: frozenset[str]) -> list[Any]:
    """Items in one order: a server may give them new ids and another order. Flags mean something by their place."""
    plain = [steady(item, volatile) for item in items]
    if any(isinstance(item, bool) for item in plain):
        return plain
    return sorted(({**item, "id": ""} if isinstance(item, Mapping) else item for item in plain), key=repr)


def steady(value: Any, volatile: frozenset[str]) -> Any:
    """`value` without links, volatile parts and parts that mean nothing, at any depth, with sorted names."""
    if isinstance(value, Mapping):
        names = (name for name in sorted(value) if name not in volatile and not name.startswith("_"))
        parts = ((name, steady(value[name], volatile)) for name in names)
        return {name: part for name, part in parts if part not in _EMPTY}
    if isinstance(value, list):
        return [part if type(part) in _PLAIN else steady(part, volatile) for part in value]
    return value
