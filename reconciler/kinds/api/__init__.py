"""The REST API of the product as data: one table per REST version, read on first use.

`v6.json`, `v7.json` and `v8.json` hold the operations that this project uses and their schemas: names, types, formats,
enumerations, required, nullable, read-only. `python -m tests.openapi.renew` generates them from the product's OpenAPI
documents. REST v5 has no published document and no table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

VERSIONS: Final = (6, 7, 8)


@dataclass(frozen=True, slots=True)
class Schema:
    """A value in a request or an answer. With `ref` it is the schema of that name, and `nullable` widens it.

    `required` says that an object has to hold this property, or a request this parameter or body. `items` is one item
    of an array, `values` one value of an object with free names. `variants` names the schemas that an object is
    one of; `properties` is then the union of theirs.
    """

    type: str = ""
    format: str = ""
    enum: tuple[str, ...] = ()
    default: Any = None
    nullable: bool = False
    required: bool = False
    read_only: bool = False
    write_only: bool = False
    ref: str = ""
    items: Schema | None = None
    values: Schema | None = None
    properties: Mapping[str, Schema] = field(default_factory=dict)
    variants: tuple[str, ...] = ()


TEXTS: Final = Schema(type="array", items=Schema(type="string"))


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `path` is the template below `/vN/`, `body` the JSON of the request; with `form` the
    request may be a form of the same properties. `answers` holds the successful ones by status, None without a body.
    """

    method: str
    path: str
    query: Mapping[str, Schema]
    body: Schema | None
    form: bool
    answers: Mapping[int, Schema | None]

    @property
    def answer(self) -> Schema | None:
        return next(iter(self.answers.values()))

    def fits(self, path: str) -> bool:
        """Whether this is the operation of a path with ids in it, spelled as in the template."""
        template, wanted = self.path.split("/"), path.split("/")
        return len(template) == len(wanted) and all(
            ours == theirs or ours.startswith("{") for ours, theirs in zip(template, wanted, strict=True)
        )


@cache
def operations(rest: int) -> tuple[Operation, ...]:
    """Every operation of the table. Paths without parameters come first, as they win over those with parameters."""
    found = [_operation(name, facts) for name, facts in _table(rest)["operations"].items()]
    return tuple(sorted(found, key=lambda operation: operation.path.count("{")))


@cache
def operation(rest: int, method: str, path: str) -> Operation:
    """The operation of a template or of a path with ids in it. Raises LookupError if the table has none."""
    for candidate in operations(rest):
        if candidate.method == method and candidate.fits(path):
            return candidate
    raise LookupError(f"REST v{rest} has no operation {method} {path}")


@cache
def schema(rest: int, name: str) -> Schema:
    """The schema of this name. Raises LookupError if the table has none."""
    schemas = _table(rest)["schemas"]
    if name not in schemas:
        raise LookupError(f"REST v{rest} has no schema {name}")
    return _schema(schemas[name])


def names(rest: int) -> tuple[str, ...]:
    """The names of all schemas."""
    return tuple(_table(rest)["schemas"])


def error(rest: int) -> Schema:
    """The body of every answer that is an error."""
    return schema(rest, _table(rest)["error"])


def properties(rest: int, of: Schema | None) -> Mapping[str, Schema]:
    """The properties of one object, whether it comes alone, in an array or in a page. Empty without an object."""
    if of is None:
        return {}
    if of.ref:
        return properties(rest, schema(rest, of.ref))
    if of.items is not None:
        return properties(rest, of.items)
    if is_page(rest, of):
        return properties(rest, of.properties["results"])
    return of.properties


def is_page(rest: int, of: Schema | None) -> bool:
    """Whether an answer is one page of a collection."""
    if of is None:
        return False
    found = schema(rest, of.ref) if of.ref else of
    return {"results", "offset", "limit"} <= set(found.properties)


@cache
def _table(rest: int) -> dict[str, Any]:
    if rest not in VERSIONS:
        raise LookupError(f"REST v{rest} has no table: its OpenAPI document is not published")
    found: dict[str, Any] = json.loads(Path(__file__).with_name(f"v{rest}.json").read_bytes())
    return found


def _operation(name: str, facts: Mapping[str, Any]) -> Operation:
    method, path = name.split(" ")
    return Operation(
        method,
        path,
        {name: _schema(value) for name, value in facts.get("query", {}).items()},
        _schema(facts["body"]) if "body" in facts else None,
        facts.get("form", False),
        {int(status): _schema(value) if value else None for status, value in facts["answers"].items()},
    )


def _schema(facts: Mapping[str, Any]) -> Schema:
    return Schema(
        type=facts.get("type", ""),
        format=facts.get("format", ""),
        enum=tuple(facts.get("enum", ())),
        default=facts.get("default"),
        nullable=facts.get("nullable", False),
        required=facts.get("required", False),
        read_only=facts.get("readOnly", False),
        write_only=facts.get("writeOnly", False),
        ref=facts.get("ref", ""),
        items=_schema(facts["items"]) if "items" in facts else None,
        values=_schema(facts["values"]) if "values" in facts else None,
        properties={name: _schema(value) for name, value in facts.get("properties", {}).items()},
        variants=tuple(facts.get("variants", ())),
    )
