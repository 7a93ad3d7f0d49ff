"""What is wrong with a request or an answer, by the tables of `reconciler/kinds/api`.

Stricter than OpenAPI: an object has no properties but those that its schema names, ids and times have one spelling,
integers fit into their format, no one sends what is read-only or shows what is write-only.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

from reconciler.kinds import api
from reconciler.kinds.api import Operation, Schema

BITS: Final = {"int32": 31, "int64": 63}
FORMATS: Final = FormatChecker(formats=())


@FORMATS.checks("uuid", raises=ValueError)
def is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@cache
def everything() -> Mapping[str, Mapping[str, list[int]]]:
    """Every operation of the documents (`METHOD path`), with the successful statuses of each version that has it."""
    text = Path(__file__).with_name("operations.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, list[int]]] = json.loads(text)["operations"]
    return found


def operation(rest: int, method: str, path: str) -> Operation | None:
    """The operation of the table, None where there is none."""
    try:
        return api.operation(rest, method, path)
    except LookupError:
        return None


def json_schema(schema: Schema, *, sent: bool) -> dict[str, Any]:
    """JSON Schema of a value that is sent to the server, or else shown by it."""
    if schema.ref:
        made: dict[str, Any] = {"$ref": f"#/$defs/{schema.ref}"}
        return {"anyOf": [made, {"type": "null"}]} if schema.nullable else made
    made = {"type": [schema.type, "null"] if schema.nullable else schema.type}
    if schema.enum:
        made["enum"] = [*schema.enum, *([None] if schema.nullable else [])]
    if schema.format:
        made["format"] = schema.format
    if schema.format in BITS:
        made |= {"minimum": -(2 ** BITS[schema.format]), "maximum": 2 ** BITS[schema.format] - 1}
    if schema.items:
        made["items"] = json_schema(schema.items, sent=sent)
    if schema.values:
        made["additionalProperties"] = json_schema(schema.values, sent=sent)
    if schema.properties:
        allowed = {name: of for name, of in schema.properties.items() if not (of.read_only if sent else of.write_only)}
        made["properties"] = {name: json_schema(of, sent=sent) for name, of in allowed.items()}
        made["required"] = [name for name, of in allowed.items() if of.required]
        made.setdefault("additionalProperties", False)
    return made


@cache
def definitions(rest: int, sent: bool) -> dict[str, Any]:
    return {name: json_schema(api.schema(rest, name), sent=sent) for name in api.names(rest)}


def problems(rest: int, schema: Schema, value: Any, *, sent: bool) -> list[str]:
    """What is wrong with a value that is sent to the server, or else shown by it."""
    root = json_schema(schema, sent=sent) | {"$defs": definitions(rest, sent)}
    found = Draft202012Validator(root, format_checker=FORMATS).iter_errors(value)
    return sorted(f"{error.json_path}: {error.message[:300]}" for error in found)


def answer_problems(rest: int, method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; `body` is None for an empty one."""
    found = operation(rest, method, path)
    if found is None:
        return [f"{method} {path} is not in REST v{rest}"]
    if status not in found.answers and status < 400:
        return [f"{method} {path} does not answer {status}"]
    schema = api.error(rest) if status >= 400 else found.answers[status]
    if schema is None or body is None:
        return [] if schema is body else [f"{method} {path} {status} has {'no' if schema is None else 'a'} body"]
    return problems(rest, schema, body, sent=False)


def request_problems(rest: int, method: str, path: str, query: Mapping[str, Any], body: Any) -> list[str]:
    """What is wrong with a request; `body` is None for an empty one."""
    found = operation(rest, method, path)
    if found is None:
        return [f"{method} {path} is not in REST v{rest}"]
    wrong = [f"{method} {path} has no parameter {name}" for name in query if name not in found.query]
    wrong += [f"{method} {path} needs {name}" for name, of in found.query.items() if of.required and name not in query]
    for name, of in found.query.items():
        if name in query:
            wrong += [f"{name}: {problem}" for problem in problems(rest, of, of_text(of, query[name]), sent=True)]
    if body is None:
        return [*wrong, f"{method} {path} needs a body"] if found.body and found.body.required else wrong
    if found.body is None:
        return [*wrong, f"{method} {path} takes no body"]
    return wrong + problems(rest, found.body, body, sent=True)


def of_text(schema: Schema, value: Any) -> Any:
    """The value of a query parameter, as the server reads it; the text itself where it is not of the schema's type."""
    texts = {"true": True, "false": False} if schema.type == "boolean" else {}
    if isinstance(value, str) and schema.type == "integer" and value.isdecimal():
        return int(value)
    return texts.get(value, value)
