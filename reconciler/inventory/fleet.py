"""A fleet: the inventories of several management servers, and the settings that they share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse
from reconciler.inventory.fleet_file import fleet_file, is_fleet
from reconciler.inventory.fleet_members import Listed, listed_in
from reconciler.inventory.fleet_schema import check_fleet
from reconciler.inventory.includes import Includes
from reconciler.inventory.source import Unreadable, printable, read
from reconciler.inventory.source_map import FILE_SHIFT, Map
from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity
from reconciler.model.position import Position
from reconciler.model.sentences import listed, nearest, quoted
from reconciler.presence import is_file

__all__ = ["Fleet", "Member", "Settings", "fleet_file", "is_fleet", "read_fleet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of an inventory in a fleet; None where the fleet says nothing. `known` is a file with accepted drift."""

    parallelism: int | None = None
    known: Path | None = None
    lock_wait: float | None = None
    notify_url: str | None = None
    executor: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One inventory of a fleet. `name` is unique in it; `path` is a file or folder."""

    name: str
    path: Path
    group: str = ""
    settings: Settings = Settings()
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """`folder` is that of its file: what its inventories include is below it. `members` are in the order of the file,
    those of a pattern sorted. `warnings` do not keep it from being used."""

    name: str
    file: Path
    members: tuple[Member, ...]
    groups: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def folder(self) -> Path:
        return self.file.absolute().parent

    def select(self, patterns: Iterable[str]) -> tuple[Member, ...]:
        """The members with these names, by patterns (`site-*`) or groups (`@emea`), in their order; all without a
        pattern. Raises Diagnosed for a pattern that selects none."""
        wanted = list(patterns)
        unknown = [pattern for pattern in wanted if not any(_is_meant(member, pattern) for member in self.members)]
        if unknown:
            raise Diagnosed([_no_server(pattern, self) for pattern in unknown])
        return tuple(
            member for member in self.members if not wanted or any(_is_meant(member, pattern) for pattern in wanted)
        )


def _is_meant(member: Member, pattern: str) -> bool:
    if pattern.startswith("@"):
        return bool(member.group) and fnmatchcase(member.group, pattern[1:])
    return fnmatchcase(member.name, pattern)


def _no_server(pattern: str, fleet: Fleet) -> Diagnostic:
    names = [*(member.name for member in fleet.members), *(f"@{group}" for group in fleet.groups)]
    near = nearest(pattern, names)
    some = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return Diagnostic(
        code="no-such-server",
        summary="No such server",
        detail=f"No inventory of the fleet {fleet.name} is selected by `--server {pattern}`.",
        fix=f"Did you mean {quoted(near)}?" if near else f"Use a name, a pattern or a group: {some}.",
    )


def read_fleet(path: Path) -> Fleet:
    """The fleet at `path`. Its inventories are not read. Raises Diagnosed with everything that is wrong with it."""
    file = fleet_file(path) or path
    report = Diagnostics()
    fleet = _read(file, report)
    if fleet is None or report.has_errors:
        raise Diagnosed(report.diagnostics())
    return fleet


def _read(file: Path, report: Diagnostics) -> Fleet | None:
    name = printable(file.name)
    try:
        source = read(file, name)
    except Unreadable as problem:
        report.add_unreadable(problem, name)
        return None
    number = report.marks.add(source)
    root = parse(source, number, report)
    if root is None and report.count:
        return None
    unfit = check_fleet(root, number << FILE_SHIFT, report)
    if report.blurred:
        return None
    return _Reading(root, file, report, unfit).fleet() if isinstance(root, dict) else None


class _Reading:
    """A file, and the paths in it that do not fit the schema: what is wrong in the rest is reported with that."""

    def __init__(self, root: Map, file: Path, report: Diagnostics, unfit: Collection[tuple[str | int, ...]]) -> None:
        self._root = {key: value for key, value in root.items() if (key,) not in unfit}
        self._unfit = unfit
        self._broken = {path[0] for path in unfit if path}
        self._file = file
        self._report = report
        self._folder = file.absolute().parent
        self._includes = Includes(self._folder)
        self._groups: Map = self._fit("groups")

    def _fit(self, key: str) -> Map:
        """A section, empty if any part of it does not fit."""
        found: Map = {} if key in self._broken else self._root.get(key, {})
        return found

    def fleet(self) -> Fleet | None:
        """None if there are errors."""
        skipped = {path[1] for path in self._unfit if path[:1] == ("inventories",) and len(path) > 1}
        inventories = self._root.get("inventories", [])
        if "groups" not in self._broken:
            self._check_groups(inventories)
        found = listed_in(inventories, self._file, self._includes, self._report, skipped)
        defaults = self._fit("defaults")
        members = tuple(self._member(item, defaults) for item in found)
        self._report_unused(members)
        if self._report.has_errors:
            return None
        warnings = () if self._report.has_errors else tuple(self._report.diagnostics())
        return Fleet(self._root["fleet"]["name"], self._file, members, tuple(self._groups), warnings)

    def _member(self, item: Listed, defaults: Map) -> Member:
        group = item.said.get("group", "")
        settings = self._settings(item.said, self._groups.get(group, {}), defaults)
        return Member(item.name, item.path, group, settings, self._report.marks.position(item.place))

    def _check_groups(self, inventories: Any) -> None:
        """Also of inventories that cannot be used."""
        for said in inventories.values() if isinstance(inventories, dict) else inventories:
            group = said.get("group", "") if isinstance(said, dict) else ""
            if isinstance(group, str) and group not in ("", *self._groups):
                self._unknown_group(said, said["group"])

    def _unknown_group(self, said: Map, group: str) -> None:
        near = nearest(group, self._groups)
        names = list(self._groups)
        fix = f"Declare it, in this file:\n  groups: {{{group}: {{}}}}"
        if near or names:
            fix = f"Did you mean {quoted(near)}?" if near else f"Write the name of a group: {listed(names[:5], 'or')}."
        detail = f"There is no group {quoted(group)} in `groups`."
        self._report.add("wrong-value", detail, fix=fix, place=self._report.marks.value(said, "group"))

    def _settings(self, *layers: Map) -> Settings:
        """The first layer that says something wins."""
        names = [field.name for field in fields(Settings)]
        found: dict[str, Any] = {}
        for name in names:
            layer = next((layer for layer in layers if name in layer), None)
            if layer is not None:
                found[name] = self._known(layer) if name == "known" else layer[name]
        return Settings(**found)

    def _known(self, layer: Map) -> Path:
        file = self._folder / str(layer["known"])
        place = self._report.marks.value(layer, "known")
        if not self._includes.holds(file):
            detail = f"{quoted(layer['known'])} is outside the folder of the fleet, after links are followed."
            fix = "Move it into the folder, or name it on the command line: --known FILE"
            self._report.add("wrong-value", detail, fix=fix, place=place)
        elif not is_file(file):
            detail = f"The file of known drift {quoted(layer['known'])} does not exist."
            self._report.add("missing-file", detail, fix="Correct its name, or remove it.", place=place)
        return file

    def _report_unused(self, members: Sequence[Member]) -> None:
        if self._report.has_errors:
            return
        used: Mapping[str, None] = dict.fromkeys(member.group for member in members)
        for group in self._groups:
            if group not in used:
                self._report.add(
                    "unused",
                    f"No inventory is in the group {quoted(group)}.",
                    fix=f"Add `group: {group}` to an inventory, or remove the group.",
                    place=self._report.marks.key(self._groups, group),
                    severity=Severity.WARNING,
                )
