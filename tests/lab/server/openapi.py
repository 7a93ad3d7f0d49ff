"""The product's OpenAPI documents as judges of the lab's answers. They are not part of the project."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(__file__).parents[4] / "shared" / "vb365" / "openapi"
FORMATS = FormatChecker(formats=())


@FORMATS.checks("uuid", raises=ValueError)
def is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def strict(schema: Any) -> Any:
    """JSON Schema of an OpenAPI 3.0 schema: nullable spelled out, and no properties beyond those that are named."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: strict(value) for name, value in schema.items() if name not in ("nullable", "example", "default")}
    if "$ref" in result:
        result["$ref"] = result["$ref"].replace("#/components/schemas/", "#/$defs/")
    if isinstance(result.get("properties"), dict) and result.get("type") == "object":
        result.setdefault("additionalProperties", False)
    if schema.get("nullable") is True:
        return {"anyOf": [result, {"type": "null"}]}
    return result


class Spec:
    """One version. `operations` maps (method, template without parameter names) to the operation."""

    def __init__(self, rest: int) -> None:
        document = json.loads((FOLDER / f"v{rest}.json").read_text())
        self.rest = rest
        self.definitions = strict(document["components"]["schemas"])
        self.operations = {
            (method.upper(), plain(path)): operation
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method != "parameters"
        }

    def problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer of this operation; `body` is None for an empty one."""
        operation = self.operations.get((method, plain(path)))
        if operation is None:
            return [f"{method} {path} is not in the document"]
        responses = operation["responses"]
        described = responses.get(str(status)) or (responses["default"] if status >= 400 else None)
        if described is None:
            return [f"{method} {path} does not answer {status}"]
        schemas = [content["schema"] for content in described.get("content", {}).values()]
        if not schemas:
            return [] if body is None else [f"{method} {path} {status} has no body"]
        if body is None:
            return [f"{method} {path} {status} has a body"]
        validator = Draft202012Validator(strict(schemas[0]) | {"$defs": self.definitions}, format_checker=FORMATS)
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]

    def request_problems(self, method: str, path: str, body: Any) -> list[str]:
        """What is wrong with the body of a request."""
        declared = self.operations[method, plain(path)].get("requestBody", {})
        content = declared.get("content", {})
        if body is None:
            return [f"{method} {path} needs a body"] if declared.get("required") else []
        if "application/json" not in content:
            return [f"{method} {path} takes no body"]
        validator = Draft202012Validator(strict(content["application/json"]["schema"]) | {"$defs": self.definitions})
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]


def plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).lower()


@cache
def load(rest: int) -> Spec:
    return Spec(rest)


def spec(rest: int) -> Spec:
    """The document of a version; skips the test where it is not there."""
    if not (FOLDER / f"v{rest}.json").exists():
        pytest.skip(f"the product's OpenAPI documents are not at {FOLDER}")
    return load(rest)
