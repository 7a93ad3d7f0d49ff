"""JSON for programs: the plan, and the result of a command that ends with diagnostics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.value import json_text
from reconciler.plan.document import FORMAT_VERSION, diagnostic_to_json
from reconciler.render.style import Style


def document(value: Any) -> str:
    """JSON text with a line end: two spaces of indent, the order of keys as given, ASCII whatever the stream can."""
    return json_text(value, indent=2) + "\n"


def plan_document(plan: Mapping[str, Any], style: Style) -> str:
    del style  # JSON looks the same everywhere
    return document(plan)


def findings(diagnostics: Iterable[Diagnostic], **more: Any) -> dict[str, Any]:
    """The JSON of a command that ends with diagnostics. `more` precedes them."""
    found = sorted(diagnostics, key=lambda item: item.sort_key)
    return {
        "format_version": FORMAT_VERSION,
        "ok": not any(item.is_error for item in found),
        **more,
        "diagnostics": [diagnostic_to_json(item) for item in found],
    }
