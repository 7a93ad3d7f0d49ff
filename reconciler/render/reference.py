"""The reference of the inventory as Markdown: each property with its values, default, REST versions.

Made from the JSON Schema and from `kinds`, so it cannot differ from what is validated and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.kinds import KINDS, Field, Mode
from reconciler.kinds.field import FIRST_REST, LAST_REST
from reconciler.kinds.properties import COLLECTIONS, Handling, properties_of
from reconciler.render.values import text_of

Schema = Mapping[str, Any]

_HEAD: Final = """\
# Inventory reference

Every property of an inventory (`version: 1`). *Change* says what a change of the property does to an existing object:
*in place* updates it, *replace* deletes and creates it (refused without a waiver), *move* uses a separate operation of
the server, *identity* makes it another object, *local* is never sent to the server.
"""
_PROPERTIES: Final = f"""\
## Properties of REST v{LAST_REST}

A property that is *kept as it is* is sent back in each PUT as the server returned it, and verified afterwards.

| Collection | Properties | What becomes of them |
|---|---|---|"""
_CHANGE: Final = {
    Mode.KEY: "identity",
    Mode.MUTABLE: "in place",
    Mode.ITEMS: "in place, one by one",
    Mode.CREATE_ONLY: "replace",
    Mode.MOVE: "move",
    Mode.WRITE_ONLY: "in place",
    Mode.LOCAL: "local",
}
_TYPES: Final = {"string": "text", "integer": "number", "boolean": "`true`, `false`", "array": "list", "object": "map"}


def reference_markdown(schema: Schema) -> str:
    """`schema` is the JSON Schema of the inventory. Ends with a line break."""
    return "\n".join([_HEAD, *_sections(schema), property_table()]) + "\n"


def fleet_markdown(schema: Schema) -> str:
    """`schema` is the JSON Schema of a fleet. Ends with a line break."""
    return "\n".join([f"# Fleet reference\n\n{schema['description']}\n", *_sections(schema)])


def _sections(schema: Schema) -> Iterator[str]:
    defs = schema["$defs"]
    for section, raw in schema["properties"].items():
        yield "\n".join(_section(section, _resolved(raw, defs), defs))


def property_table() -> str:
    """What becomes of each property of the newest REST version, as Markdown without a line break at its end."""
    return "\n".join([_PROPERTIES, *(row for name in COLLECTIONS for row in _of_collection(name))])


def _of_collection(collection: str) -> Iterator[str]:
    """A row for each field with its properties, and for those that are treated alike."""
    alike: dict[tuple[Handling, str, str], list[str]] = {}
    for item in properties_of(LAST_REST, collection):
        said = " and ".join(f"`{field}`" for field in item.fields)
        alike.setdefault((item.handling, said, item.why), []).append(f"`{item.name}`")
    order = list(Handling)
    for (handling, said, why), names in sorted(alike.items(), key=lambda found: order.index(found[0][0])):
        what = f"{handling.value} as {said}" if said else handling.value
        yield f"| `{collection}` | {', '.join(names)} | {what}{': ' if why else ''}{why} |"


def _section(section: str, schema: Schema, defs: Schema) -> Iterator[str]:
    yield f"## `{section}`"
    yield ""
    yield schema["description"]
    entry = _entry(schema, defs)
    kind = next((kind for kind in KINDS.values() if kind.section == section and kind.collection), None)
    fields = {field.name: field for field in kind.fields} if kind else {}
    rows = list(_rows(entry if entry is not None else schema, "", defs, fields))
    if entry is not None:
        yield ""
        yield f"A map of names to entries: `{section}.NAME`."
    if rows:
        yield ""
        yield "| Property | Value | Default | Change | REST | Description |"
        yield "|---|---|---|---|---|---|"
        yield from rows
    else:
        yield ""
        yield f"Value: {_value(schema)}."
    yield ""


def _entry(schema: Schema, defs: Schema) -> Schema | None:
    """The schema of one entry where the section maps names to entries."""
    entries = schema.get("additionalProperties")
    return _resolved(entries, defs) if isinstance(entries, Mapping) else None


def _rows(schema: Schema, prefix: str, defs: Schema, fields: Mapping[str, Field]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, raw in schema.get("properties", {}).items():
        found, path = _resolved(raw, defs), f"{prefix}{name}"
        field = fields.get(path)
        default = "required" if name in required else f"`{text_of(found['default'])}`" if "default" in found else ""
        columns = (
            f"`{path}`",
            _value(found),
            default,
            _CHANGE[field.mode] if field else "",
            _versions(field) if field else "",
            found.get("description", ""),
        )
        yield "| " + " | ".join(column.replace("|", "\\|") for column in columns) + " |"
        yield from _rows(_items(found, defs), f"{path}[]." if _is_list(found) else f"{path}.", defs, fields)


def _is_list(schema: Schema) -> bool:
    return schema.get("type") == "array"


def _items(schema: Schema, defs: Schema) -> Schema:
    return _resolved(schema.get("items", {}), defs) if _is_list(schema) else schema


def _value(schema: Schema) -> str:
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    types = schema.get("type", "object")
    named = " or ".join(_TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types))
    examples = [value for value in schema.get("examples", ()) if not isinstance(value, Mapping | bool)]
    return f"{named}, for example `{text_of(examples[0])}`" if examples else named


def _versions(field: Field) -> str:
    if field.since > FIRST_REST:
        return f"from v{field.since}"
    return f"up to v{field.until}" if field.until < LAST_REST else ""


def _resolved(schema: Schema, defs: Schema) -> Schema:
    """The schema with what it refers to; what stands beside the reference goes before it."""
    reference = str(schema.get("$ref", ""))
    if not reference:
        return schema
    target: Any = {"$defs": defs}
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, defs), **{key: value for key, value in schema.items() if key != "$ref"}}
