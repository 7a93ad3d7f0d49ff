"""The schema of plans: real ones fit, with nothing in them that it does not describe."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.plan.document import plan_to_json
from reconciler.plan.saved import Origin
from reconciler.plan.saved import sealed as sealed_plan
from tests.plan.world import FakeReader, inventory, plan
from tests.render_review.worlds import document, fleet_plan

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def sealed(part: Any) -> Any:
    """The schema with every object closed, so that it accepts only what it describes."""
    if isinstance(part, list):
        return [sealed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: value if key in ("if", "then", "enum", "examples") else sealed(value) for key, value in part.items()}
    if part.get("type") == "object" and "properties" in part:
        closed.setdefault("additionalProperties", False)
    return closed


def errors(plan_json: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(plan_json)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_plan_with_everything_in_it_is_described_completely() -> None:
    strict = jsonschema.Draft202012Validator(sealed(SCHEMA))
    assert [error.message for error in strict.iter_errors(document())] == []


def test_a_saved_plan_is_described_completely() -> None:
    _, made = fleet_plan()
    document = plan_to_json(made)
    document["inventory"] |= {"folder": "backup", "main": "corp.yml", "files": ["corp.yml"]}
    created = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    expires = created + timedelta(hours=24)
    origin = Origin("0.1.0", "abc123")
    saved = sealed_plan(document, origin=origin, created=created, expires=expires)
    read = json.loads(json.dumps(saved))
    assert [error.message for error in jsonschema.Draft202012Validator(sealed(SCHEMA)).iter_errors(read)] == []


def test_a_plan_without_changes_fits() -> None:
    assert errors(plan_to_json(plan(inventory(), FakeReader({})))) == []


def test_what_a_later_minor_version_adds_is_let_pass() -> None:
    later = document()
    later["format_version"] = "1.7"
    later["weather"] = "fine"
    later["changes"][0]["mood"] = {"good": True}
    later["changes"][0]["cause"]["weather"] = "rain"
    assert errors(later) == []


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("format_version",), "2.0", "does not match"),
        (("changes", 0, "action"), "rename", "is not one of"),
        (("changes", 0, "cause", "reason"), "whim", "is not one of"),
        (("changes", 0, "steps"), None, "is not of type 'array'"),
        (("unchanged",), -1, "minimum"),
        (("empty",), "no", "is not of type 'boolean'"),
        (("requests",), {"get": 1}, "does not match"),
        (("topology", "edges", 0), ["server"], "too short"),
        (("topology", "nodes", 0, "state"), "happy", "is not one of"),
    ],
)
def test_what_does_not_fit_is_found(where: tuple[str | int, ...], value: Any, said: str) -> None:
    broken = copy.deepcopy(document())
    part: Any = broken
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    found = errors(broken)
    assert found
    assert said in found[0]


def test_a_position_has_a_final_shape() -> None:
    broken = copy.deepcopy(document())
    placed = next(change for change in broken["changes"] if change["cause"]["position"])
    placed["cause"]["position"]["offset"] = 12
    assert errors(broken) != []


def test_a_blocked_change_has_no_steps() -> None:
    broken = copy.deepcopy(document())
    blocked = next(change for change in broken["changes"] if change["blocked"])
    blocked["steps"] = [{"verb": "create", "params": {}}]
    assert errors(broken) != []


def test_every_part_says_what_it_is() -> None:
    silent = []
    for name, part in SCHEMA["$defs"].items():
        for key, value in part.get("properties", {}).items():
            if "description" not in value and "$ref" not in value and name != "position":
                silent.append(f"{name}.{key}")
    silent += [key for key, value in SCHEMA["properties"].items() if "description" not in value and "$ref" not in value]
    assert silent == []
