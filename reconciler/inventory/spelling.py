"""Values and kinds of values as YAML and people spell them."""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.inventory.document import resolve
from reconciler.inventory.schema import Path_

_PLAIN = re.compile(r"[A-Za-z0-9/.\\][A-Za-z0-9 /.\\@_:%+-]*")
_CLOCK = re.compile(r"\d+:\d")
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
}


def kind_of_value(value: Any) -> str:
    for types, text in (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
    ):
        if isinstance(value, types):
            return text
    return "a map"


def kinds_of_schema(schema: dict[str, Any]) -> str:
    types = schema.get("type", "object")
    return " or ".join(_TYPES.get(name, str(name)) for name in (types if isinstance(types, list) else [types]))


def example(path: Path_, value: Any) -> str:
    """`key: value` for the last key of a path, on one line of YAML."""
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return f"{key}: {flow(value)}" if key else flow(value)


def flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and ": " not in value and not value.endswith((":", " "))
        if is_plain and resolve(value) == value and not _CLOCK.match(value):
            return value
        return f"'{value}'" if "\\" in value and "'" not in value else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
