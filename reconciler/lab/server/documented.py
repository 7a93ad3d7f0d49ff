"""What the tables of the REST API say of every operation: queries that do not fit, enumerations without a value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

from reconciler.kinds import api
from reconciler.kinds.api import Schema
from reconciler.lab.server.answer import invalid
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import FLAG, IDENT, INT32, INT64, TIME, Choice, Place, Type

_LEAVES: Final = (str, int, bool, float)
_FORMATS: Final[Mapping[str, Type]] = {"uuid": IDENT, "int32": INT32, "int64": INT64, "date-time": TIME}


def check_query(rest: int, route: Route, query: Mapping[str, str]) -> None:
    """Raises ApiError for a parameter that is not what the table says. v5 has no table."""
    for name, schema in _parameters(rest, route.method, route.path).items():
        if name.lower() not in query:
            if schema.required:
                raise invalid(f"The parameter {name} is required.")
            continue
        if (wanted := _type(schema)) is not None:
            wanted.read(query[name.lower()], Place(rest, name))


def check_body(rest: int, route: Route, body: Any) -> None:
    """Raises ApiError for a value in the body of a request that is not what the table says."""
    try:
        schema = api.operation(rest, route.method, route.path).body
    except LookupError:
        return
    if schema is not None:
        _check(rest, schema, body, Place(rest))


def _check(rest: int, schema: Schema, value: Any, at: Place) -> None:
    if value is None and not schema.nullable:
        raise invalid(f"The value of {at.where or 'the request body'} must not be null.")
    of = api.schema(rest, schema.ref) if schema.ref else schema
    if value is not None and (wanted := _type(of)) is not None:
        wanted.read(value, at)
    if isinstance(value, list) and of.items is not None:
        for index, item in enumerate(value):
            _check(rest, of.items, item, at.nth(index))
    if isinstance(value, dict):
        for name, inner in of.properties.items():
            if name in value and not inner.read_only:
                _check(rest, inner, value[name], at.inside(name))


@cache
def _parameters(rest: int, method: str, path: str) -> Mapping[str, Schema]:
    try:
        return api.operation(rest, method, path).query
    except LookupError:
        return {}


def _type(schema: Schema) -> Type | None:
    if schema.enum:
        return Choice(*schema.enum)
    return FLAG if schema.type == "boolean" else _FORMATS.get(schema.format)


def without_empty_enums(rest: int, node: Any) -> Any:
    """An answer without the properties that are enumerations and have no value."""
    return _without(_empty_enums(rest), node)


def _without(names: Collection[str], node: Any) -> Any:
    if isinstance(node, list):
        return [item if item is None or type(item) in _LEAVES else _without(names, item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: item if item is None or type(item) in _LEAVES else _without(names, item)
        for name, item in node.items()
        if item is not None or name not in names
    }


@cache
def _empty_enums(rest: int) -> frozenset[str]:
    """The names of the properties that are enumerations and may be null. v5 has no table, and those of v6 as far as
    they have the same names."""
    known = max(rest, api.VERSIONS[0])
    schemas = [api.schema(known, name) for name in api.names(known)]
    return frozenset(name for schema in schemas for name, of in schema.properties.items() if of.enum and of.nullable)
