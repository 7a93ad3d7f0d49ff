"""What the script takes from an OpenAPI document: facts only, and an error where it does not understand one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.openapi.renew import index, table

ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def body(schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"description": "prose", "content": {kind: {"schema": schema}}}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def document(**more: Any) -> dict[str, Any]:
    """Two used paths and an unused one, and the schemas below them; `more` goes into the schema of a proxy."""
    get: dict[str, Any] = {"responses": {"200": body({"type": "array", "items": ref("Proxy")}), "default": ERROR}}
    get["summary"] = "prose"
    get["parameters"] = [
        {"name": "proxyId", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "format": "int32", "default": 30}},
        {"name": "full", "in": "query", "required": True, "schema": {"type": "boolean"}},
    ]
    post = {"responses": {"201": body(ref("Proxy")), "default": ERROR}, "requestBody": body(ref("Proxy"))}
    post["requestBody"]["required"] = True
    proxy = {
        "type": "object",
        "description": "prose",
        "required": ["name"],
        "properties": {
            "state": {"type": "string", "enum": ["On", "Off"], "nullable": True, "readOnly": True, "example": "On"},
            "name": {"type": "string", "description": "prose", "nullable": False},
            "pool": {"allOf": [ref("Pool")], "nullable": True},
        },
        **more,
    }
    unused = {"get": {"responses": {"204": {"description": "prose"}, "default": ERROR}}}
    return {
        "paths": {"/v8/Proxies": {"post": post, "get": get}, "/v8/Reports/{id}": unused},
        "components": {
            "schemas": {
                "Proxy": proxy,
                "Pool": {"type": "object", "additionalProperties": {"type": "string"}},
                "Problem": {"type": "object", "properties": {"message": {"type": "string"}}},
                "Unused": {"type": "string"},
            }
        },
    }


TABLE = """{
 "rest": 8,
 "error": "Problem",
 "operations": {
  "GET Proxies": {"answers": {"200": {"type": "array", "items": {"ref": "Proxy"}}}, "query": {
   "full": {"type": "boolean", "required": true},
   "limit": {"type": "integer", "format": "int32", "default": 30}
  }},
  "POST Proxies": {"answers": {"201": {"ref": "Proxy"}}, "body": {"ref": "Proxy", "required": true}}
 },
 "schemas": {
  "Pool": {"type": "object", "values": {"type": "string"}},
  "Problem": {"type": "object", "properties": {
   "message": {"type": "string"}
  }},
  "Proxy": {"type": "object", "properties": {
   "name": {"type": "string", "required": true},
   "pool": {"ref": "Pool", "nullable": true},
   "state": {"type": "string", "nullable": true, "readOnly": true, "enum": ["Off", "On"]}
  }}
 }
}
"""


def test_a_table_holds_facts_only_sorted_one_to_a_line() -> None:
    assert table(8, document()) == TABLE


def test_the_order_in_a_document_does_not_matter() -> None:
    assert table(8, json.loads(json.dumps(document(), sort_keys=True))) == TABLE


def test_the_list_of_operations_names_the_unused_ones_too() -> None:
    found = json.loads(index({8: document(), 7: {"paths": {"/v7/Proxies": {"get": {"responses": {"200": {}}}}}}}))
    assert found["operations"] == {
        "GET Proxies": {"7": [200], "8": [200]},
        "POST Proxies": {"8": [201]},
        "GET Reports/{id}": {"8": [204]},
    }


def test_variants_are_names_and_their_schemas_come_along() -> None:
    made = json.loads(table(8, document(**{"x-anyOf": [ref("Unused"), ref("Pool")]})))
    assert made["schemas"]["Proxy"]["variants"] == ["Pool", "Unused"]
    assert "Unused" in made["schemas"]


@pytest.mark.parametrize(
    "more",
    [
        {"oneOf": [ref("Pool")]},
        {"discriminator": {"propertyName": "type"}},
        {"properties": {"pool": {**ref("Pool"), "nullable": True}}},
        {"properties": {"pool": {"allOf": [ref("Pool"), ref("Problem")]}}},
        {"properties": {}, "required": ["name"]},
        {"properties": {"port": {"type": "integer", "maximum": 65535}}},
    ],
    ids=lambda more: json.dumps(more)[:40],
)
def test_what_it_does_not_know_is_an_error(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        table(8, document(**more))


def test_a_second_content_type_with_another_schema_is_an_error() -> None:
    changed = document()
    post = changed["paths"]["/v8/Proxies"]["post"]
    post["requestBody"]["content"]["application/x-www-form-urlencoded"] = {"schema": ref("Proxy")}
    assert json.loads(table(8, changed))["operations"]["POST Proxies"]["form"] is True
    post["requestBody"]["content"]["application/x-www-form-urlencoded"] = {"schema": ref("Pool")}
    with pytest.raises(ValueError, match="a body with several schemas"):
        table(8, changed)


def test_a_path_of_another_version_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not a path of v7"):
        table(7, document())
