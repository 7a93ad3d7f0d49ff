"""The alerts of a plan as workflow commands, which GitHub shows at the lines of the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.position import Position, joined
from reconciler.render.alerts import LEVELS, Alert, alerts
from reconciler.render.style import Style, clean

MOST = 10
"""Annotations of one level that GitHub shows for a step; more of them are dropped."""

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def plan_annotations(plan: Mapping[str, Any], style: Style) -> str:
    """One line for each alert. If there are too many of a level, the last line counts the others."""
    del style  # they are commands, not text
    found = alerts(plan)
    levels = (_level([item for item in found if item.level == level]) for level in LEVELS)
    return "".join(f"{line}\n" for lines in levels for line in lines)


def diagnostics_annotations(found: Iterable[Diagnostic], folder: str) -> str:
    """Diagnostics of an inventory that stands in `folder`, from the root of the repository, as workflow commands."""
    made = [_alert(item, folder) for item in sorted(found, key=lambda item: item.sort_key)]
    levels = (_level([item for item in made if item.level == level]) for level in LEVELS)
    return "".join(f"{line}\n" for lines in levels for line in lines)


def _alert(item: Diagnostic, folder: str) -> Alert:
    at = item.position or Position("", 0, 0)
    text = " ".join(" ".join(part.split()) for part in (item.detail, item.fix) if part)
    return Alert(
        item.severity.value,
        item.code,
        clean(item.summary),
        clean(text),
        "",
        "",
        clean(joined(folder, at.file)),
        at.line,
        at.column,
    )


def _level(found: Sequence[Alert]) -> Iterator[str]:
    shown = found if len(found) <= MOST else found[: MOST - 1]
    for item in shown:
        place = {"file": item.file, "line": item.line, "col": item.column} if item.file else {}
        yield _command(item.level, {**place, "title": item.title}, item.text)
    if len(shown) < len(found):
        rest = len(found) - len(shown)
        yield _command(found[0].level, {"title": "And more"}, f"{rest} more like these are in the plan.")


def _command(level: str, properties: Mapping[str, object], message: str) -> str:
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{_COMMANDS[level]} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
