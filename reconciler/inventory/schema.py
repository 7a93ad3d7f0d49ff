"""The JSON Schema of the inventory: the text for editors, and a fast check that says which objects do not fit.

The check is a yes or no for each object: asked for its reasons, the fast validator gives a copy of the whole section
with every one of them. The reasons come from the slower validator; see `explain`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.package_data import package_data

Path_ = tuple[str | int, ...]


def schema_path() -> Path:
    return package_data("schemas", "inventory.schema.json")


@cache
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_path().read_text("utf-8"))
    return loaded


@cache
def _validator(section: str = "") -> Any:
    """The fast validator of a whole document, or of one of its sections."""
    from jsonschema_rs import Draft202012Validator

    part = {**schema()["properties"][section], "$defs": schema()["$defs"]} if section else schema()
    return Draft202012Validator(part)


def fits(document: Any) -> bool:
    """Whether a whole document fits. Takes microseconds for each object."""
    return bool(_validator().is_valid(document))


def section_fits(section: str, value: Any) -> bool:
    """Whether what a known key of the document says fits."""
    return bool(_validator(section).is_valid(value))


def misfits(section: str, objects: Mapping[str, Any]) -> list[str]:
    """The names of those objects of a section that do not fit, or whose name does not."""
    is_valid = _validator(section).is_valid
    return [name for name, value in objects.items() if not is_valid({name: value})]


def schema_at(path: Path_) -> Mapping[str, Any]:
    """The schema of what stands at a path of the document; empty if the schema has no such key."""
    found = schema()
    for part in path:
        if isinstance(part, int):
            found = _resolved(found.get("items", {}))
            continue
        other = found.get("additionalProperties")
        found = _resolved(found.get("properties", {}).get(part) or (other if isinstance(other, dict) else {}))
    return found


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to; what it says itself comes first."""
    while "$ref" in part:
        target: Any = schema()
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
    return part


def accepts(root: Mapping[str, Any], path: Path_, value: Any) -> bool:
    """Whether the document would fit at `path`, and inside of it, with `value` there."""
    section = str(path[0])
    if section not in schema()["properties"]:
        return False
    part = _replaced(root[section], path[1:], value)
    errors = _validator(section).iter_errors(part)
    return not any(tuple(error.instance_path[: len(path) - 1]) == path[1:] for error in errors)


def _replaced(node: Any, path: Path_, value: Any) -> Any:
    """A copy with `value` at `path`, of which only the way there is kept: of a section one object."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(node, list):
        return [_replaced(item, rest, value) if index == first else item for index, item in enumerate(node)]
    return {**node, first: _replaced(node[first], rest, value)}
