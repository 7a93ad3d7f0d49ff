"""The alerts of a plan as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.model.value import digest
from reconciler.render.alerts import Alert, alerts
from reconciler.render.document import document
from reconciler.render.style import Style

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def plan_sarif(plan: Mapping[str, Any], style: Style) -> str:
    """One run with one result for each alert."""
    del style  # JSON looks the same everywhere
    found = alerts(plan)
    rules = sorted({item.rule: item.title for item in found}.items())
    numbers = {rule: number for number, (rule, _) in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "vbo-reconcile", "version": __version__, "rules": _rules(rules)}},
        "automationDetails": {"id": f"vbo-reconcile/plan/{quote(str(plan['inventory']['name']), safe='')}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, numbers) for item in found],
    }
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules(rules: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"id": rule, "shortDescription": {"text": _plain(title)}} for rule, title in rules]


def _result(item: Alert, numbers: Mapping[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.rule,
        "ruleIndex": numbers[item.rule],
        "level": item.level,
        "message": {"text": _plain(item.text)},
        "partialFingerprints": {"vboReconcile/v1": digest([item.rule, item.key])},
    }
    place: dict[str, Any] = {}
    if item.file:
        uri = quote(item.file)
        region = {"startLine": item.line, "startColumn": item.column}
        place["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": region}
    if item.address:
        place["logicalLocations"] = [{"fullyQualifiedName": item.address}]
    return {**result, "locations": [place]} if place else result


def _plain(text: str) -> str:
    """A literal message: SARIF reads `{0}` as a placeholder and `[text](target)` as a link (3.11)."""
    text = text.replace("{", "{{").replace("}", "}}")
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "](" in text else text
