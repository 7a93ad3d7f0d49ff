"""The schema is a public contract: it explains itself, and says the same fields as `kinds/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.inventory.layers import NESTED, Tree
from reconciler.inventory.schema import schema, schema_at
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.rules.references import REFERENCES
from reconciler.model.secret import SCHEMES
from tests.inventory.writing import HEAD, findings, write

SCHEMA = schema()
OBJECT_OF = {kind.name: kind.name for kind in KINDS.values()} | {"certificate": "server", "copy_job": "copyJob"}
INSTEAD: dict[str, dict[str, tuple[str, ...]]] = {
    "copy_job": {"organization": ()},
    "pool": {"members": ()},
    "repository": {"owner": ("proxy", "pool")},
    "certificate": {"thumbprint": ()},
}
"""Fields that an inventory says in another way: as a key, gathered from other objects, or not at all."""
OURS = {
    "proxy": {"pool", "group"},
    "certificate": {"host", "rest_host", "port", "address", "rest", "credentials", "deadlines"},
}
"""Keys that no field stands for: they are gathered into other objects, or concern reaching the host."""


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    """A node with what its `$ref` says below it."""
    while "$ref" in node:
        target: Any = SCHEMA
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _nodes(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if key not in ("examples", "default", "enum", "const"):
                yield from _nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _nodes(value, f"{path}/{index}")


PROPERTIES = {
    f"{path}/{name}": node
    for path, parent in _nodes(SCHEMA)
    for name, node in parent.get("properties", {}).items()
    if isinstance(node, dict) and not path.endswith("/properties")
}


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("path", PROPERTIES)
def test_every_property_explains_itself(path: str) -> None:
    node = _resolved(PROPERTIES[path])
    assert node.get("title"), path
    assert str(node.get("description", "")).endswith("."), path
    assert node.get("examples"), path
    inline = {key: value for key, value in node.items() if key != "$id"}
    validator = jsonschema.Draft202012Validator({**inline, "$defs": SCHEMA["$defs"]})
    for example in node["examples"]:
        assert list(validator.iter_errors(example)) == [], (path, example)


def test_no_object_takes_unknown_keys() -> None:
    """A map of names, one of which is reserved, has a schema for the others."""
    with_keys = [(path, node) for path, node in _nodes(SCHEMA) if "properties" in node and "type" in node]
    open_ones = [path for path, node in with_keys if node.get("additionalProperties") is not False]
    assert open_ones == ["#/properties/proxies"]
    assert SCHEMA["properties"]["proxies"]["additionalProperties"] == {"$ref": "#/$defs/proxy"}


def _said(kind: Kind) -> set[str]:
    """The flattened keys that the schema allows for an object of a kind. What a map says beside its fields is the value
    of a field, too."""
    fields = {field.name for field in kind.fields}

    def keys(properties: dict[str, Any], tree: Tree, head: str) -> Iterator[str]:
        for name, node in properties.items():
            inner = _resolved(node).get("properties", {}) if name in tree else {}
            path = f"{head}{name}"
            if inner:
                yield from keys(inner, tree[name], f"{path}.")
            yield head[:-1] if head[:-1] in fields and not inner and path not in fields else path

    found = set(keys(_resolved({"$ref": f"#/$defs/{OBJECT_OF[kind.name]}"})["properties"], NESTED[kind.section], ""))
    return {path for path in found if path in fields or not any(other.startswith(f"{path}.") for other in found)}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_schema_and_kinds_say_the_same_fields(kind: Kind) -> None:
    instead: Mapping[str, tuple[str, ...]] = INSTEAD.get(kind.name, {})
    declared = {name for field in kind.fields for name in instead.get(field.name, (field.name,))}
    mine = {name for name in _said(kind) if name.startswith(("connection.", "tls.", "powershell."))}
    assert _said(kind) - mine - OURS.get(kind.name, set()) == declared


@pytest.mark.parametrize(("section", "fields"), REFERENCES.items(), ids=list(REFERENCES))
def test_references_are_fields_of_the_schema(section: str, fields: dict[str, tuple[str, ...]]) -> None:
    kind = next((kind for kind in KINDS.values() if kind.section == section), None)
    said = _said(kind) if kind else set(_resolved(SCHEMA["properties"][section]["additionalProperties"])["properties"])
    assert set(fields) <= said
    assert {name for sections in fields.values() for name in sections} <= set(SCHEMA["properties"])


def test_secrets_have_the_schemes_of_the_model() -> None:
    assert f"({'|'.join(SCHEMES)})" in SCHEMA["$defs"]["secret"]["pattern"]


@pytest.mark.parametrize("name", ["proxyDefaults", "repositoryDefaults", "jobDefaults"])
def test_defaults_take_what_the_objects_take(name: str) -> None:
    kind = name.removesuffix("Defaults")
    ours = set(SCHEMA["$defs"][name]["properties"])
    theirs = set(SCHEMA["$defs"][kind]["properties"])
    of_one = {
        "proxy": {"host", "group", "state"},
        "repository": {"name", "formerly"},
        "job": {"name", "organization", "formerly"},
    }
    assert theirs - ours == of_one[kind]
    assert ours <= theirs


def test_what_only_one_validator_refuses_is_an_error(tmp_path: Path) -> None:
    """Python's `$` matches before a line end, the fast validator's does not."""
    body = (
        'proxies: {"px\\n": {host: a.example.com, type: domain, credentials: admin}}\npolicy: {max_deletes: "5%\\n"}\n'
    )
    found = findings(write(tmp_path, {"inventory.yml": HEAD + body}))
    assert [(item.code, str(item.position)) for item in found] == [
        ("wrong-value", "inventory.yml:5:11"),
        ("wrong-value", "inventory.yml:6:1"),
    ]
    assert all("does not fit the schema" in item.detail for item in found)


def test_many_bad_names_cost_no_more_than_themselves(tmp_path: Path) -> None:
    names = ", ".join(f"'p {n}': {{}}" for n in range(1000))
    found = findings(write(tmp_path, {"inventory.yml": f"{HEAD}pools: {{}}\nproxies: {{{names}}}\n"}))
    assert [item.code for item in found].count("bad-name") == 1000


def test_what_is_said_in_a_list_has_a_schema_too() -> None:
    assert schema_at(("policy", "windows", 0, "zone"))["description"]
    assert schema_at(("policy", "windows", 0, "nothing")) == {}
