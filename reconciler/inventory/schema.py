"""The JSON Schema of the inventory: a fast check that says yes or where, and the text for editors."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

Path_ = tuple[str | int, ...]


def schema_path() -> Path:
    """The schema as it is shipped: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_data" / "schemas" / "inventory.schema.json"
    return shipped if shipped.is_file() else package.parent / "schemas" / "inventory.schema.json"


@cache
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_path().read_text("utf-8"))
    return loaded


@cache
def _validator() -> Any:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(schema())


def broken_paths(document: Any) -> list[Path_]:
    """Paths to what does not fit the schema; empty where everything does. Takes microseconds for each object."""
    if _validator().is_valid(document):
        return []
    return [tuple(error.instance_path) for error in _validator().iter_errors(document)]
