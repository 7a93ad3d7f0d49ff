"""Files to one document: includes followed, maps merged, the same key in two files refused."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.includes import Includes, NotIncluded, outside
from reconciler.inventory.overlooked_files import deeper_files
from reconciler.inventory.parsed_files import parse_once
from reconciler.inventory.source import Unreadable, name_below, read
from reconciler.inventory.source_map import FILE_SHIFT, Map, Place
from reconciler.model.diagnostic import Severity
from reconciler.model.sentences import quoted
from reconciler.presence import is_folder

FORMAT: Final = 1
_SUFFIXES: Final = (".yml", ".yaml")
_DEEP: Final = frozenset({"defaults", "secrets"})
"""Sections whose maps are merged one level deeper."""


@dataclass(slots=True)
class Merged:
    """All files as one document. `whole` is false where a file could not be read: then much may be missing. `includes`
    knows which other files may belong to it."""

    root: Map
    whole: bool
    includes: Includes


@dataclass(slots=True)
class _Reading:
    folder: Path
    includes: Includes
    report: Diagnostics
    seen: dict[Path, int] = field(default_factory=dict)
    parts: list[Map] = field(default_factory=list)
    whole: bool = True

    def lose(self) -> None:
        self.whole = False


def read_all(path: Path, report: Diagnostics, include_root: Path | None) -> tuple[Path, Merged]:
    """Read `path` (a file, or a folder of `*.yml`) and what it includes. Gives the folder of the inventory too."""
    whole = is_folder(path)
    folder = path.absolute() if whole else path.absolute().parent
    reading = _Reading(folder, Includes(include_root or folder), report)
    if whole:
        for file in _files_of(path, report):
            _include(file, reading, (), None)
    else:
        _read_file(path, reading, (), None)
    if whole and not reading.seen:
        reading.lose()
    elif whole:
        _report_deeper(path, reading)
    return folder, Merged(_merge(reading.parts, report), reading.whole, reading.includes)


def _files_of(folder: Path, report: Diagnostics) -> list[Path]:
    try:
        files = sorted(file for file in folder.iterdir() if _is_ours(file))
    except OSError:
        report.add(
            "unreadable", f"The folder {folder.name} is not readable: permission denied.", fix="Check its permissions."
        )
        return []
    if not files:
        deeper = [name for name, _ in deeper_files(folder)]
        fix = (
            f"Name the folder of {quoted(deeper[0])}."
            if deeper
            else "Name another folder, or create an inventory in it."
        )
        report.add("no-inventory", f"There is no *.yml file in the folder {folder.name}.", fix=fix)
    return files


def _report_deeper(folder: Path, reading: _Reading) -> None:
    """A folder stands for the files in it: what lies deeper and looks like a part of the inventory is named."""
    for name, file in deeper_files(folder):
        if Path(os.path.realpath(file)) in reading.seen:
            continue
        detail = f"{name} looks like a part of the inventory, and nothing includes it: what it declares is not used."
        fix = f"Include it in a file of the folder: `include: [{name}]`."
        reading.report.add("not-included", detail, fix=fix, severity=Severity.WARNING)


def _is_ours(file: Path) -> bool:
    return file.suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()


def _read_file(path: Path, reading: _Reading, chain: tuple[Path, ...], place: Place | None) -> None:
    """Read one file and what it includes. `chain` are the files that lead here, `place` the include."""
    report = reading.report
    try:
        identity = Path(os.path.realpath(path))
    except ValueError:
        identity = path
    if identity in chain:
        names = " -> ".join(name_below(reading.folder, file) for file in (*chain[chain.index(identity) :], identity))
        fix = "Remove the include, or move the included files to a separate folder."
        report.add("include-cycle", f"The files include each other: {names}.", fix=fix, place=place)
        return
    if identity in reading.seen:
        return
    reading.seen[identity] = len(reading.seen)
    name = name_below(reading.folder, path)
    try:
        source = read(path, name)
    except Unreadable as problem:
        report.add_unreadable(problem, name, place)
        reading.lose()
        return
    number = report.marks.add(source)
    root = parse_once(source, number, report)
    if root is None:
        if not report.has_errors_in(name):
            fix = "Begin the inventory with `version: 1`."
            report.add("empty", f"{name} declares nothing.", fix=fix, place=number << FILE_SHIFT)
        reading.lose()
        return
    if not isinstance(root, dict):
        fix = "An inventory is a map: begin with `version: 1`."
        detail = f"{name} holds {'a list' if isinstance(root, list) else 'a single value'}."
        report.add("wrong-type", detail, fix=fix, place=number << FILE_SHIFT)
        reading.lose()
        return
    _check_version(root, name, number, report)
    reading.parts.append(root)
    _follow(root, path, reading, (*chain, identity))


def _check_version(root: Map, name: str, number: int, report: Diagnostics) -> None:
    if "version" not in root:
        detail = f"{name} has no `version`: the version of its format."
        report.add("missing-key", detail, fix="Add `version: 1` at the beginning.", place=number << FILE_SHIFT)
    elif root["version"] != FORMAT or isinstance(root["version"], bool):
        detail = f"{name} has format version {quoted(root['version'])}; this version supports only 1."
        fix = "Write `version: 1`, or install a newer vbo-reconcile."
        if root["version"] == str(FORMAT):
            detail, fix = f"`version` of {name} is text, not a number.", f"Remove the quotes: version: {FORMAT}"
        report.add("wrong-value", detail, fix=fix, place=report.marks.value(root, "version"))


def _follow(root: Map, path: Path, reading: _Reading, chain: tuple[Path, ...]) -> None:
    patterns = root.get("include", [])
    report = reading.report
    if not isinstance(patterns, list):
        fix = "Write it as a list: `include: [sites/*.yml]`."
        report.add("wrong-type", "`include` is not a list.", fix=fix, place=report.marks.value(root, "include"))
        reading.lose()
        return
    for index, pattern in enumerate(patterns):
        place = report.marks.item(patterns, index)
        if not isinstance(pattern, str) or not pattern:
            fix = "Write a file or a pattern: `include: [sites/*.yml]`."
            report.add("wrong-type", "An item of `include` is not a string.", fix=fix, place=place)
            reading.lose()
            continue
        for file in _matches(pattern, path.parent, reading, place):
            _include(file, reading, chain, place)


def _matches(pattern: str, folder: Path, reading: _Reading, place: Place) -> list[Path]:
    try:
        return reading.includes.matches(pattern, folder)
    except NotIncluded as error:
        reading.report.add("include", error.detail, fix=error.fix, place=place)
        reading.lose()
        return []


def _include(file: Path, reading: _Reading, chain: tuple[Path, ...], place: Place | None) -> None:
    """Read a file that the inventory names, or holds as a folder: one outside of it is not opened."""
    if reading.includes.holds(file):
        _read_file(file, reading, chain, place)
        return
    detail, fix = outside(name_below(reading.folder, file))
    reading.report.add("include", detail, fix=fix, place=place)
    reading.lose()


def _merge(parts: list[Map], report: Diagnostics) -> Map:
    if len(parts) == 1:
        return parts[0]
    holders: dict[str, list[Map]] = {}
    for part in parts:
        for key in part:
            holders.setdefault(key, []).append(part)
    root: Map = {}
    sources: dict[str, Map] = {}
    for key, found in holders.items():
        root[key] = found[0][key]
        sources[key] = found[0]
        if len(found) > 1 and key not in ("version", "include"):
            root[key] = _merge_section(key, found, report)
    report.marks.adopt(root, sources)
    return root


def _merge_section(key: str, holders: list[Map], report: Diagnostics) -> Any:
    """The value of `key` in several files: maps become one, anything else may be said only once."""
    values = [holder[key] for holder in holders]
    maps = [value for value in values if isinstance(value, dict)]
    if len(maps) != len(values):
        _twice(key, holders, report)
        return values[0]
    return _merge_maps(maps, report, deeper=key in _DEEP)


def _merge_maps(maps: Iterable[Map], report: Diagnostics, *, deeper: bool) -> Map:
    merged: Map = {}
    sources: dict[str, Map] = {}
    for part in maps:
        for key, value in part.items():
            first = sources.setdefault(key, part)
            if first is part:
                merged[key] = value
            elif deeper and isinstance(value, dict) and isinstance(merged[key], dict):
                merged[key] = _merge_maps([merged[key], value], report, deeper=False)
            else:
                _twice(key, [first, part], report)
    report.marks.adopt(merged, sources)
    return merged


def _twice(key: str, holders: list[Map], report: Diagnostics) -> None:
    first = report.marks.key(holders[0], key)
    where = report.marks.position(first)
    for other in holders[1:]:
        detail = f"{quoted(key)} is declared here and in {where.file}, line {where.line}."
        place = report.marks.key(other, key)
        report.add("said-twice", detail, fix="Keep one of the two.", place=place, related=[first])
