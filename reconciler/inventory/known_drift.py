"""The file of known drift: what is different, whose decision that is, why, and until when."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse
from reconciler.inventory.schema import schema_path
from reconciler.inventory.schema_errors import report_schema_errors
from reconciler.inventory.source import Unreadable, name_below, read
from reconciler.inventory.source_map import FILE_SHIFT
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.known_drift import Known
from reconciler.presence import exists, is_folder


def load_known(path: Path, folder: Path) -> list[Known]:
    """The entries of a file of known drift, for an inventory in `folder`. Raises Diagnosed with everything that is
    wrong with it."""
    if not exists(path) or is_folder(path):
        fix = "Check its name, or leave --known out."
        what = "is a folder" if is_folder(path) else "does not exist"
        raise Diagnosed([Diagnostic("known-drift", "File not found", f"{path} {what}.", fix)])
    report = Diagnostics()
    entries = _read(path, name_below(folder, path), report)
    if report.has_errors:
        raise Diagnosed(report.diagnostics())
    return entries


def _read(path: Path, name: str, report: Diagnostics) -> list[Known]:
    try:
        source = read(path, name)
    except Unreadable as problem:
        report.add_unreadable(problem, name, None)
        return []
    number = report.marks.add(source)
    root = parse(source, number, report)
    if root is None and report.count:
        return []
    report_schema_errors(_schema(), root, number << FILE_SHIFT, report, fix=_EXAMPLE)
    known = root.get("known") if isinstance(root, dict) else None
    entries = [_entry(known, index, report) for index in range(len(known))] if isinstance(known, list) else []
    return [entry for entry in entries if entry is not None]


def _entry(known: list[Any], index: int, report: Diagnostics) -> Known | None:
    """None if it is none; what does not fit the schema has been reported."""
    raw, place = known[index], report.marks.item(known, index)
    if not _entries().is_valid(raw):
        return None
    try:
        expires = date.fromisoformat(str(raw["expires"]))
    except ValueError:
        fix = "Write the last day on which it is accepted: `expires: 2027-01-31`."
        place = report.marks.value(raw, "expires")
        report.add("wrong-value", f"{raw['expires']!r} is not a date.", fix=fix, place=place)
        return None
    if not (raw["address"] + raw.get("field", "*")).strip("*."):
        fix = "Name an object or a kind, or a field: `address: proxy.*`, `field: throttle`."
        report.add("wrong-value", "This entry would accept every difference.", fix=fix, place=place)
        return None
    return Known(**{**raw, "expires": expires}, position=report.marks.position(place))


@cache
def _entries() -> Any:
    """A validator of one entry."""
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(_schema()["$defs"]["entry"])


@cache
def _schema() -> Any:
    import json

    return json.loads((schema_path().parent / "known-drift.schema.json").read_text("utf-8"))


_EXAMPLE = """Write it like this (`field` may be left out); see also: vbo-reconcile schema known-drift
  version: 1
  known:
    - {address: proxy.px-1, field: throttle, owner: Jo, reason: until the line is wider, expires: 2027-01-31}"""
