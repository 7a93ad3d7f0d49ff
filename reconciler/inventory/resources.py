"""Entries to the wanted objects of the model: fields by name, in one spelling, with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.layers import Entries, Entry
from reconciler.inventory.source_map import SourceMap
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.field import UNMANAGED, Field, Normalize
from reconciler.kinds.graph import gathered
from reconciler.model.address import Address, address
from reconciler.model.inventory import LOCAL, WHOLE, Resource
from reconciler.model.position import Position
from reconciler.model.sentences import quoted

TOOL_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "copy_job": {"enabled": True, "run": "never"},
    "job": {"enabled": True, "items": "all", "run": "on-change"},
    "proxy": {"os": "windows", "service.install": "push", "service.version": "server"},
    "smtp": {"credentials": "none", "enabled": True},
}
"""What the tool says where an inventory does not: only what creating the object needs, and what is ours alone."""

_ORDINARY: Final = ("copy_job", "job", "organization", "pool", "proxy", "repository")


class Places(Mapping[str, Position]):
    """Positions of one object and its fields, computed when they are asked for."""

    __slots__ = ("_entry", "_marks")

    def __init__(self, entry: Entry, marks: SourceMap) -> None:
        self._entry = entry
        self._marks = marks

    def __getitem__(self, field: str) -> Position:
        if field == WHOLE:
            return self._marks.position(self._entry.place)
        kind = _KIND_OF[self._entry.section]
        for key in _KEYS[kind.name].get(field, (field,)):
            if key in self._entry.values:
                return self._marks.position(self._entry.key_place(key, self._marks))
        if field in _OF_OBJECT[kind.name]:
            return self._marks.position(self._entry.place)
        raise KeyError(field)

    def __iter__(self) -> Iterator[str]:
        kind = _KIND_OF[self._entry.section]
        return iter([WHOLE, *(field.name for field in kind.fields if field.name in self)])

    def __len__(self) -> int:
        return len(list(iter(self)))


_KIND_OF: Final = {kind.section: kind for kind in KINDS.values()}
_OPTIONAL: Final = {kind.name: tuple(field.name for field in kind.fields if field.optional) for kind in KINDS.values()}
_NAMED: Final = {kind.name for kind in KINDS.values() if kind.name_field and kind.name_field.name == "name"}
_THROUGH: Final = {kind.name: [field for field in kind.fields if field.through] for kind in KINDS.values()}
_ADDRESSED: Final = {kind.name: [field for field in kind.fields if field.addressed] for kind in KINDS.values()}
_KEYS: Final = {kind: {field.name: field.refers for field in fields} for kind, fields in _ADDRESSED.items()}
"""By kind, the fields that an inventory says under other keys."""
_OF_OBJECT: Final = {
    kind.name: {field.name for field in kind.fields if field.name == "name" or field.gathered}
    for kind in KINDS.values()
}
"""By kind, the fields without a key: their place is that of the object."""


class Builder:
    """Makes the resources of one inventory. A value without a spelling is reported, at its place.

    Inventories repeat themselves, so spellings are remembered: of texts by value, of maps by identity.
    """

    def __init__(self, entries: Entries, report: Diagnostics, rest: int) -> None:
        self._entries = entries
        self._report = report
        self._rest = rest
        self._resources: dict[Address, Resource] = {}
        self._spelled: dict[tuple[str, str, Any], Any] = {}

    def build(
        self, server: Entry | None, smtp: Entry | None
    ) -> tuple[dict[Address, Resource], dict[Address, Resource]]:
        """All resources, in order of address: the declared ones, and the proxies to be removed."""
        for name in _ORDINARY:
            kind = KINDS[name]
            table, defaults, lists = _table(kind), self._defaults(kind), self._gathered(kind)
            for entry in self._entries.get(kind.section, {}).values():
                fields = self._fields(kind, table, entry)
                for field, values in lists.items():
                    fields[field] = values.get(entry.name, [])
                self._add(kind, entry, fields, defaults)
        if smtp is not None:
            kind = KINDS["smtp"]
            fields, defaults = self._fields(kind, _table(kind), smtp), dict(self._defaults(kind))
            if "server" not in fields:  # so it has no login either
                defaults.pop("credentials", None)
            self._add(kind, smtp, fields, defaults)
        if server is not None and "certificate" in server.values:
            place = server.key_place("certificate", self._report.marks)
            certificate = Entry(server.section, server.name, server.layers, server.values, place)
            self._add(KINDS["certificate"], certificate, {"certificate": server.values["certificate"]}, {})
        found = {where: self._resources[where] for where in sorted(self._resources)}
        proxies = (address("proxy", name) for name in sorted(self._entries.get("proxies", {})))
        gone = {where: found.pop(where) for where in proxies if found[where].fields.get("state") == "absent"}
        return found, gone

    def _add(self, kind: Kind, entry: Entry, fields: dict[str, Any], defaults: Mapping[str, Any]) -> None:
        name, key = kind.name, entry.name
        if key != LOCAL or name != "proxy":
            for field, value in defaults.items():
                if field not in fields:
                    fields[field] = value
        if UNMANAGED in fields.values():
            for optional in _OPTIONAL[name]:
                if fields.get(optional) == UNMANAGED:
                    del fields[optional]
        self._resources[address(name, key)] = Resource(name, key, fields, Places(entry, self._report.marks))

    def _fields(self, kind: Kind, table: Mapping[str, Normalize | None], entry: Entry) -> dict[str, Any]:
        values = entry.values
        fields: dict[str, Any] = {"name": values.get("name", entry.name)} if kind.name in _NAMED else {}
        for name, value in values.items():
            if name in table:
                normalize = table[name]
                fields[name] = value if normalize is None else self._normalized(kind, entry, name, normalize)
        for field in _THROUGH[kind.name]:
            fields |= self._through(kind, field, entry)
        for field in _ADDRESSED[kind.name]:
            fields[field.name] = field.declared(entry.values) or ""
        return fields

    def _through(self, kind: Kind, field: Field, entry: Entry) -> dict[str, Any]:
        """What the object says that another field names."""
        named = KINDS[kind.field(field.through).refers[0]]
        other = self._entries.get(named.section, {}).get(str(entry.values.get(field.through)))
        return {field.name: other.values[field.name]} if other and field.name in other.values else {}

    def _normalized(self, kind: Kind, entry: Entry, name: str, normalize: Normalize) -> Any:
        value = entry.values[name]
        key = (kind.name, name, value if type(value) is str else id(value))
        if key in self._spelled:
            return self._spelled[key]
        try:
            spelled = self._spelled[key] = normalize(value)
            return spelled
        except ValueError as error:
            place = entry.value_place(name, self._report.marks)
            where = address(kind.name, entry.name)
            reason, _, way = str(error).partition(": write ")
            detail = f"`{name}` of {kind.name} {quoted(entry.name)}: {reason}."
            fix = f"Write {way}." if way else "Write another value."
            self._report.add("wrong-value", detail, fix=fix, place=place, address=where)
            return value

    def _gathered(self, kind: Kind) -> dict[str, dict[str, list[str]]]:
        """By field and name, what other objects say of those of `kind`."""
        found = {}
        for field in kind.fields:
            if field.gathered:
                entries = self._entries.get(KINDS[field.refers[0]].section, {})
                found[field.name] = gathered(field, {name: entry.values for name, entry in entries.items()})
        return found

    def _defaults(self, kind: Kind) -> Mapping[str, Any]:
        found = TOOL_DEFAULTS.get(kind.name, {})
        return {
            name: value for name, value in found.items() if not self._rest or kind.field(name).in_version(self._rest)
        }


def _table(kind: Kind) -> dict[str, Normalize | None]:
    """The fields that an inventory says as they are, each with what gives its one spelling."""
    elsewhere = {*_KEYS[kind.name], *_OF_OBJECT[kind.name]}
    return {field.name: field.normalize for field in kind.fields if field.name not in elsewhere}
