"""What does not fit a JSON Schema, reported where it stands. For the files beside an inventory: playbooks, known drift.

The inventory itself is explained in more detail (see `explain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.source_map import Place

MAX_ERRORS: Final = 100
MAX_TEXT: Final = 300


def report_schema_errors(
    schema: dict[str, Any], root: Any, start: Place, report: Diagnostics, *, fix: str = ""
) -> None:
    """Report up to MAX_ERRORS violations. `start` is the place of `root`, which was read with `report`. A fast
    validator decides whether the slow one, which explains them, has to run."""
    from jsonschema_rs import Draft202012Validator

    if Draft202012Validator(schema).is_valid(root):
        return
    from jsonschema import Draft202012Validator as Explaining

    errors = islice(Explaining(schema).iter_errors(root), MAX_ERRORS)
    for error in sorted(errors, key=lambda item: [str(part) for part in item.absolute_path]):
        path = list(error.absolute_path)
        where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in path)
        text = error.message if len(error.message) <= MAX_TEXT else f"{error.message[:MAX_TEXT]}…"
        detail = f"{where}: {text}." if where else f"{text}."
        report.add("wrong-value", detail, fix=fix, place=place_of(path, root, start, report))


def place_of(path: Sequence[str | int], root: Any, start: Place, report: Diagnostics) -> Place:
    """The place of a part of `root`, or of the nearest part around it that exists."""
    place, node = start, root
    for part in path:
        if isinstance(part, int) and isinstance(node, list) and part < len(node):
            place = report.marks.item(node, part)
        elif isinstance(part, str) and isinstance(node, dict) and part in node:
            place = report.marks.value(node, part)
        else:
            break
        node = node[part]
    return place
