"""Which inventories a fleet file names, each with its name."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.fleet_file import fleet_file
from reconciler.inventory.includes import Includes, NotIncluded, is_pattern
from reconciler.inventory.source import name_below, printable
from reconciler.inventory.source_map import Map, Place
from reconciler.inventory.spelling import flow
from reconciler.model.sentences import nearest, quoted
from reconciler.presence import exists, is_folder

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIXES: Final = (".yml", ".yaml")
_MANY: Final = 20
"""Inventories up to which a fix writes all of them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """`said` is the map of the entry, empty if the entry is a path alone."""

    name: str
    path: Path
    said: Map
    place: Place


def listed_in(
    inventories: Any, file: Path, includes: Includes, report: Diagnostics, skipped: Collection[str | int] = ()
) -> list[Listed]:
    """The entries of `inventories`, which fits the schema but for those that are `skipped` (by name, or by index).
    Reports what cannot be used."""
    reading = _Reading(file, includes, report, skipped)
    chosen = isinstance(inventories, dict)
    found = list(reading.of_map(inventories) if chosen else reading.of_list(inventories))
    reading.check_names(found, chosen=chosen)
    return found


class _Reading:
    def __init__(self, file: Path, includes: Includes, report: Diagnostics, skipped: Collection[str | int]) -> None:
        self._skipped = skipped
        self._file = file
        self._folder = file.absolute().parent
        self._includes = includes
        self._report = report
        self._seen: dict[str, Listed] = {}

    def of_map(self, inventories: Map) -> Iterator[Listed]:
        for name, entry in inventories.items():
            if name in self._skipped:
                continue
            place, key = self._report.marks.value(inventories, name), self._report.marks.key(inventories, name)
            said, text, place = self._said(entry, place)
            if is_pattern(text):
                fix = f"Write the file or folder, or `inventories` as a list: inventories: {flow([text])}"
                detail = f"{quoted(text)} is a pattern, and {quoted(name)} is the name of one inventory."
                self._report.add("wrong-value", detail, fix=fix, place=place)
                continue
            for path in self._paths(text, place):
                item = Listed(name, path, said, key)
                if self._is_usable(item, text, place) and self._is_first(item, place):
                    yield item

    def of_list(self, inventories: list[Any]) -> Iterator[Listed]:
        for index, entry in enumerate(inventories):
            if index in self._skipped:
                continue
            said, text, place = self._said(entry, self._report.marks.item(inventories, index))
            for path in self._paths(text, place):
                item = Listed(_name_of(path, text), path, said, place)
                if is_pattern(text) and self._is_itself(path):
                    continue
                shown = self._short(path) if is_pattern(text) else text
                if self._is_usable(item, shown, place) and self._is_first(item, place, repeats=not said):
                    yield item

    def _said(self, entry: Any, place: Place) -> tuple[Map, str, Place]:
        """What is set, the path, and where the path stands."""
        if isinstance(entry, dict):
            return entry, entry["path"], self._report.marks.value(entry, "path")
        return {}, entry, place

    def _paths(self, text: str, place: Place) -> list[Path]:
        try:
            found = self._includes.matches(text, self._folder)
        except NotIncluded as error:
            detail, fix = error.detail, error.fix
            if text.startswith("..") and not self._includes.holds(self._folder / text.partition("*")[0]):
                detail, fix = _outside(text)
            self._report.add("include", detail, fix=fix, place=place, summary=_SUMMARY)
            return []
        if is_pattern(text):
            return [path for path in found if is_folder(path) or path.suffix in _SUFFIXES]
        return found

    def _is_usable(self, item: Listed, text: str, place: Place) -> bool:
        detail = fix = ""
        if not self._includes.holds(item.path):
            detail, fix = _outside(text)
        elif not exists(item.path):
            detail = f"{quoted(text)} does not exist."
            near = nearest(item.path.name, _beside(item.path))
            right = PurePosixPath(text).with_name(near) if near else ""
            fix = f"Did you mean {quoted(str(right))}?" if right else "Correct the name, or create the inventory."
        elif self._is_itself(item.path):
            detail, fix = f"{quoted(text)} is the fleet itself.", "Name the inventories of its servers."
        elif fleet_file(item.path) is not None:
            detail = f"{quoted(self._short(item.path))} is a fleet, and not an inventory."
            fix = "Name the inventories of that fleet here."
        if detail:
            self._report.add("include", detail, fix=fix, place=place, summary=_SUMMARY)
        return not detail

    def _is_first(self, item: Listed, place: Place, *, repeats: bool = False) -> bool:
        """Whether no entry before names the same inventory. A list may name it again if it sets nothing for it."""
        key = os.path.realpath(item.path)
        first = self._seen.setdefault(key, item)
        if first is item:
            return True
        if not repeats:
            where = self._report.marks.position(first.place)
            detail = f"{quoted(self._short(item.path))} is already an inventory of the fleet, from line {where.line}."
            fix = "Keep one of the two."
            self._report.add("said-twice", detail, fix=fix, place=place, related=[first.place], summary=_TWICE)
        return False

    def _is_itself(self, path: Path) -> bool:
        return os.path.realpath(path) == os.path.realpath(self._file)

    def _short(self, path: Path) -> str:
        return name_below(self._folder, path)

    def check_names(self, found: list[Listed], *, chosen: bool) -> None:
        """Names of files can be alike, or no names; those that somebody has `chosen` can differ in letter case only."""
        first: dict[str, Listed] = {}
        for item in found:
            short = self._short(item.path)
            before = first.setdefault(item.name.lower(), item)
            if not _NAME.fullmatch(item.name):
                detail = f"{quoted(item.name)}, the name of {quoted(short)}, cannot be the name of an inventory."
                self._report.add("bad-name", detail, fix=self._as_map(found), place=item.place)
            elif before is not item:
                detail = f"{quoted(self._short(before.path))} and {quoted(short)} are both named {quoted(item.name)}."
                detail = detail if before.name == item.name else _alike(before, item)
                fix = "Choose another name." if chosen else self._as_map(found)
                self._report.add("said-twice", detail, fix=fix, place=item.place, summary=_TAKEN)

    def _as_map(self, found: list[Listed]) -> str:
        """The same inventories with names that differ."""
        shown: dict[str, Any] = {}
        for item in found[:_MANY]:
            short = self._short(item.path)
            whole = re.sub(r"[^A-Za-z0-9._]+", "-", short.removesuffix(item.path.suffix)).strip("-._") or "site"
            shown[_other(whole[:64], shown)] = {**item.said, "path": short} if item.said else short
        if len(found) > _MANY:
            return f"Give each a name, in a map:\n  inventories: {flow(dict([next(iter(shown.items()))]))}"
        return f"Give each a name, in a map:\n  inventories: {flow(shown)}"


def _other(name: str, taken: Map) -> str:
    lower = {text.lower() for text in taken}
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(text for text in names if text.lower() not in lower)


def _alike(before: Listed, item: Listed) -> str:
    """Pages and plans are files with the name of the server in theirs."""
    return (
        f"{quoted(before.name)} and {quoted(item.name)} differ in letter case only: their pages and plans would be the "
        "same files on Windows and macOS."
    )


def _name_of(path: Path, text: str) -> str:
    """The name of an inventory in a list: the part of its path that the pattern leaves open, else its last part."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    open_ = [index for index, part in enumerate(parts) if is_pattern(part)]
    name = path.parts[open_[-1] - len(parts)] if open_ else path.name
    name = printable(name)
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)


def _beside(path: Path) -> list[str]:
    try:
        return [item.name for item in path.parent.iterdir()]
    except OSError:
        return []


def _outside(text: str) -> tuple[str, str]:
    return (
        f"{quoted(text)} is outside the folder of the fleet, after links are followed.",
        "Move the file of the fleet to a folder that holds all its inventories.",
    )


_SUMMARY: Final = "Inventory cannot be used"
_TAKEN: Final = "Name already taken"
_TWICE: Final = "Inventory named twice"
