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
