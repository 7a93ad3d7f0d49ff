"""The tables of `reconciler/kinds/api` as OpenAPI 3.1, for programs that read that.

The product's own documents are not part of the project. These hold the operations that the lab serves and, as the
facts say, a 401 without a body.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from reconciler.kinds import api
from reconciler.kinds.api import Operation, Schema
from tests.openapi.judge import definitions, json_schema

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_JSON: Final = "application/json"


def document(rest: int, served: Collection[tuple[str, str]], known: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """The operations of `served` (method, path). `known` are ids of the server by the name of their parameter."""
    paths: dict[str, Any] = {}
    for operation in api.operations(rest):
        if (operation.method, operation.path) in served:
            facts = _operation(rest, operation, known)
            paths.setdefault(f"/v{rest}/{operation.path}", {})[operation.method.lower()] = facts
    schemas = {
        f"{way}.{name}": _moved(schema, way)
        for way in ("sent", "shown")
        for name, schema in definitions(rest, way == "sent").items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"REST v{rest}", "version": str(rest)},
        "paths": dict(sorted(paths.items())),
        "security": [{"bearer": []}],
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(rest: int, operation: Operation, known: Mapping[str, Collection[str]]) -> dict[str, Any]:
    names = _PARAMETER.findall(operation.path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _ident(known.get(name, ()))} for name in names
    ]
    parameters += [
        {"name": name, "in": "query", "required": of.required, "schema": _schema(of, "sent")}
        for name, of in operation.query.items()
    ]
    answers = {str(status): _answer(of, str(status)) for status, of in operation.answers.items()}
    refused = {"401": {"description": "not logged in"}, "default": _answer(api.error(rest), "refused")}
    facts: dict[str, Any] = {
        "operationId": f"{operation.method} {operation.path}",
        "parameters": parameters,
        "responses": answers | refused,
    }
    if operation.body is not None:
        kind = "application/x-www-form-urlencoded" if operation.form else _JSON
        content = {kind: {"schema": _schema(operation.body, "sent")}}
        facts["requestBody"] = {"required": operation.body.required, "content": content}
    return facts


def _ident(known: Collection[str]) -> dict[str, Any]:
    """Of something that is there, if there is anything, or of nothing."""
    ident: dict[str, Any] = {"type": "string", "format": "uuid"}
    return {"anyOf": [{"enum": sorted(known)}, ident]} if known else ident


def _answer(schema: Schema | None, description: str) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    return {"description": description, "content": {_JSON: {"schema": _schema(schema, "shown")}}}


def _schema(schema: Schema, way: str) -> Any:
    return _moved(json_schema(schema, sent=way == "sent"), way)


def _moved(node: Any, way: str) -> Any:
    """JSON Schema with its references where OpenAPI keeps them. Unknown properties are not forbidden to clients."""
    if isinstance(node, dict):
        dropped = "additionalProperties" if way == "sent" and node.get("additionalProperties") is False else ""
        moved = {name: _moved(item, way) for name, item in node.items() if name != dropped}
        if isinstance(moved.get("$ref"), str):
            moved["$ref"] = moved["$ref"].replace("#/$defs/", f"#/components/schemas/{way}.")
        return moved
    return [_moved(item, way) for item in node] if isinstance(node, list) else node
