"""The product's OpenAPI documents, and a server that answers by them: it refuses every request they do not describe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(__file__).parents[3] / ".." / "shared" / "vb365" / "openapi"
AVAILABLE = all((FOLDER / f"v{rest}.json").is_file() for rest in (6, 7, 8))
WHY_SKIPPED = "the product's OpenAPI documents are not beside the checkout (../shared/vb365/openapi)"

IDENT = "0f3c1c52-0000-4000-8000-0000000000aa"


@cache
def document(rest: int) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"v{rest}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def _schemas(rest: int) -> dict[str, Any]:
    return {name: _strict(schema) for name, schema in document(rest)["components"]["schemas"].items()}


def _strict(schema: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema, for requests: `nullable` becomes a type, what is read-only may not be sent, and an
    object has no other properties than those that are described (the documents leave that open)."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    made = {key: _strict(value) for key, value in schema.items() if key not in {"example", "description", "properties"}}
    if "properties" in schema:
        made["properties"] = {
            name: _strict(value) for name, value in schema["properties"].items() if not value.get("readOnly")
        }
        made.setdefault("additionalProperties", False)
    if not made.pop("nullable", False):
        return made
    if "type" not in made:
        return {"anyOf": [made, {"type": "null"}]}
    made["type"] = [made["type"], "null"]
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return made


def problems(rest: int, schema: Mapping[str, Any], value: Any) -> list[str]:
    """What is wrong with a request body."""
    root = {**_strict(schema), "components": {"schemas": _schemas(rest)}}
    found = Draft202012Validator(root, format_checker=FormatChecker()).iter_errors(value)
    return sorted(f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found)


@dataclass(frozen=True)
class Operation:
    """One path and method of one version."""

    rest: int
    method: str
    path: str
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def request(self) -> Mapping[str, Any] | None:
        content = self.raw.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if "application/json" in content else None

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in self.raw["responses"] if status.isdigit()]

    @property
    def response(self) -> Mapping[str, Any] | None:
        content = self.raw["responses"][str(self.statuses[0])].get("content") or {}
        return next((item["schema"] for item in content.values()), None)

    @property
    def is_page(self) -> bool:
        return "/PageOf" in (self.response or {}).get("$ref", "")

    @property
    def is_array(self) -> bool:
        return (self.response or {}).get("type") == "array"

    def item(self) -> Mapping[str, Any]:
        """Properties of one object of the answer, whether it comes alone, in an array or in a page."""
        found = self.resolve(self.response or {})
        if self.is_array:
            found = self.resolve(found["items"])
        if self.is_page:
            found = self.resolve(found["properties"]["results"]["items"])
        properties: Mapping[str, Any] = found.get("properties", {})
        return properties

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Mapping[str, Any] = document(self.rest)["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found

    def parameters(self) -> Iterator[Mapping[str, Any]]:
        for parameter in self.raw.get("parameters", []):
            if parameter.get("in") == "query":
                yield parameter


def operation(rest: int, method: str, path: str) -> Operation | None:
    """The operation for a real path, spelled as in the document; a path without parameters wins."""
    templates = sorted(document(rest)["paths"], key=lambda template: template.count("{"))
    for template in templates:
        if _fits(template, path) and method.lower() in document(rest)["paths"][template]:
            return Operation(rest, method, template, document(rest)["paths"][template][method.lower()])
    return None


def _fits(template: str, path: str) -> bool:
    ours, theirs = template.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(a == b or a.startswith("{") for a, b in zip(ours, theirs, strict=True))


@dataclass
class ByTheBook:
    """A server of one version that answers as its document says, and fails the test where a request is not in it."""

    rest: int
    used: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == f"/v{self.rest}/token":
            return httpx.Response(200, json={"access_token": "t", "refresh_token": "r", "expires_in": 3600})
        found = operation(self.rest, request.method, path)
        assert found is not None, f"{request.method} {path} is not in REST v{self.rest}"
        self.used.append((request.method, found.path))
        self._check_query(request, found)
        self._check_body(request, found)
        if found.is_page:
            return httpx.Response(found.statuses[0], json={"offset": 0, "limit": 10000, "results": [], "_links": {}})
        if found.is_array:
            return httpx.Response(found.statuses[0], json=[])
        return httpx.Response(found.statuses[0], json={} if found.response else None)

    def _check_query(self, request: httpx.Request, found: Operation) -> None:
        known = {parameter["name"]: parameter for parameter in found.parameters()}
        asked = dict(request.url.params)
        assert set(asked) <= set(known), f"{request.method} {request.url} has a parameter that {found} has not"
        needed = {name for name, parameter in known.items() if parameter.get("required")}
        assert needed <= set(asked), f"{request.method} {request.url} lacks {needed - set(asked)}"

    def _check_body(self, request: httpx.Request, found: Operation) -> None:
        if not request.content:
            assert not found.raw.get("requestBody", {}).get("required"), f"{request.method} {found.path} wants a body"
            return
        assert found.request is not None, f"{request.method} {found.path} takes no body"
        assert request.headers["Content-Type"] == "application/json"
        assert problems(self.rest, found.request, json.loads(request.content)) == []
