"""Entries to the wanted objects of the model: fields by name, in one spelling, with their places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.layers import Entries, Entry
from reconciler.inventory.source_map import SourceMap
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.field import UNMANAGED, Field, Normalize
from reconciler.kinds.graph import gathered
from reconciler.kinds.rules.declared import Declared, Group
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

_UNKNOWN: Final = ("unknown",)
"""In the place of a spelling that is not known yet."""
_ORDINARY: Final = ("copy_job", "job", "organization", "pool", "proxy", "repository")


class Places(Mapping[str, Position]):
    """Positions of one object and its fields, computed when they are asked for."""

    __slots__ = ("_entry", "_marks")

    def __init__(self, entry: Entry, marks: SourceMap) -> None:
        self._entry = entry
        self._marks = marks

    def __getitem__(self, field: str) -> Position:
        key = self._key(field)
        if key is None:
            raise KeyError(field)
        entry = self._entry
        return self._marks.position(entry.place if key == WHOLE else entry.key_place(key, self._marks))

    def __contains__(self, field: object) -> bool:
        return self._key(field) is not None

    def _key(self, field: object) -> str | None:
        """Under which key of the object a field is said; WHOLE where its place is that of the object."""
        if field == WHOLE:
            return WHOLE
        kind = _KIND_OF[self._entry.section]
        for key in _KEYS[kind.name].get(str(field), (str(field),)):
            if key in self._entry.values:
                return key
        return WHOLE if field in _OF_OBJECT[kind.name] else None

    def __iter__(self) -> Iterator[str]:
        kind = _KIND_OF[self._entry.section]
        return iter([WHOLE, *(field.name for field in kind.fields if field.name in self)])

    def __len__(self) -> int:
        return len(list(iter(self)))


_KIND_OF: Final = {kind.section: kind for kind in KINDS.values()}
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


_Lists = Mapping[str, Mapping[str, list[str]]]
"""What other objects say of those of a kind, by field and name."""


class _Spelling(NamedTuple):
    """A field with one spelling, and what is known of its values already: texts by value, others by identity."""

    field: str
    normalize: Normalize
    known: dict[str | int, Any]


class _Form(NamedTuple):
    """What all objects of a kind that say the same fields have in common: the keys that are no fields (`others`), the
    fields with one spelling (`spelled`), those that may be left alone (`optional`), and the defaults of what they do
    not say (`added`)."""

    others: tuple[str, ...]
    spelled: tuple[_Spelling, ...]
    optional: tuple[str, ...]
    added: dict[str, Any]


class Builder:
    """Makes the resources of one inventory. A value without a spelling is reported, at its place.

    Inventories repeat themselves, so forms and spellings are remembered.
    """

    def __init__(self, entries: Entries, declared: Declared, report: Diagnostics) -> None:
        self._entries = entries
        self._report = report
        self._declared = declared
        self._resources: dict[Address, Resource] = {}
        self._known: dict[tuple[str, str], dict[str | int, Any]] = defaultdict(dict)

    def build(
        self, server: Entry | None, smtp: Entry | None
    ) -> tuple[dict[Address, Resource], dict[Address, Resource]]:
        """All resources, in order of address: the declared ones, and the proxies to be removed."""
        if server is not None and "certificate" in server.values:
            place = server.key_place("certificate", self._report.marks)
            certificate = Entry(server.section, server.name, server.layers, server.values, place)
            fields = {"certificate": server.values["certificate"]}
            where = Places(certificate, self._report.marks)
            self._resources[address("certificate")] = Resource("certificate", "", fields, where)
        for name in _ORDINARY:
            kind = KINDS[name]
            lists, entries = self._gathered(kind), self._entries.get(kind.section, {})
            for group in self._declared.groups(kind.section):
                self._add(kind, entries, group, lists)
        if smtp is not None:
            self._add(KINDS["smtp"], {"": smtp}, [("", smtp.values)], {})
        found, order = self._resources, sorted(self._resources)
        if order != list(found):
            found = {where: found[where] for where in order}
        proxies = sorted(self._declared.saying("proxies", "state"))
        absent = [address("proxy", name) for name, values in proxies if values["state"] == "absent"]
        return found, {where: found.pop(where) for where in absent}

    def _add(self, kind: Kind, entries: Mapping[str, Entry], group: Group, lists: _Lists) -> None:
        """Objects that say the same fields. There may be tens of thousands: what they share is looked up before the
        loop."""
        name, marks, resources = kind.name, self._report.marks, self._resources
        named, through, addressed = name in _NAMED, _THROUGH[name], _ADDRESSED[name]
        others, spelled, optional, added = self._form(kind, group[0][1].keys())
        for key, values in group:
            entry = entries[key]
            fields = {"name": key, **values} if named else {**values}
            for other in others:
                del fields[other]
            if spelled:
                self._spell(kind, entry, spelled, fields)
            for field in through:
                fields |= self._through(kind, field, entry)
            for field in addressed:
                fields[field.name] = field.declared(values) or ""
            for gathered_field, by_name in lists.items():
                fields[gathered_field] = by_name.get(key, [])
            if key != LOCAL or name != "proxy":
                fields |= added
            for field_name in optional:
                if values[field_name] == UNMANAGED:
                    del fields[field_name]
            resources[address(name, key)] = Resource(name, key, fields, Places(entry, marks))

    def _form(self, kind: Kind, said: Collection[str]) -> _Form:
        table, defaults = _table(kind), self._defaults(kind)
        if kind.name == "smtp" and "server" not in said:  # so it has no login either
            defaults = {field: value for field, value in defaults.items() if field != "credentials"}
        named = {"name"} if kind.name in _NAMED else set()
        return _Form(
            others=tuple(field for field in said if field not in table and field not in named),
            spelled=tuple(
                _Spelling(field, normalize, self._known[kind.name, field])
                for field in said
                if (normalize := table.get(field)) is not None
            ),
            optional=tuple(field.name for field in kind.fields if field.optional and field.name in said),
            added={field: value for field, value in defaults.items() if field not in said},
        )

    def _through(self, kind: Kind, field: Field, entry: Entry) -> dict[str, Any]:
        """What the object says that another field names."""
        named = KINDS[kind.field(field.through).refers[0]]
        other = self._entries.get(named.section, {}).get(str(entry.values.get(field.through)))
        return {field.name: other.values[field.name]} if other and field.name in other.values else {}

    def _spell(self, kind: Kind, entry: Entry, spelled: tuple[_Spelling, ...], fields: dict[str, Any]) -> None:
        """Give values their one spelling. One that has none is reported, and stays."""
        for field, normalize, known in spelled:
            said = fields[field]
            by = said if type(said) is str else id(said)
            found = known.get(by, _UNKNOWN)
            if found is _UNKNOWN:
                try:
                    found = known[by] = normalize(said)
                except ValueError as error:
                    self._report_spelling(kind, entry, field, error)
                    continue
            fields[field] = found

    def _report_spelling(self, kind: Kind, entry: Entry, name: str, error: ValueError) -> None:
        place = entry.value_place(name, self._report.marks)
        where = address(kind.name, entry.name)
        reason, _, way = str(error).partition(": write ")
        detail = f"`{name}` of {kind.name} {quoted(entry.name)}: {reason}."
        fix = f"Write {way}." if way else "Write another value."
        self._report.add("wrong-value", detail, fix=fix, place=place, address=where)

    def _gathered(self, kind: Kind) -> _Lists:
        """By field and name, what other objects say of those of `kind`."""
        found = {}
        for field in kind.fields:
            if field.gathered:
                entries = self._entries.get(KINDS[field.refers[0]].section, {})
                found[field.name] = gathered(field, {name: entry.values for name, entry in entries.items()})
        return found

    def _defaults(self, kind: Kind) -> Mapping[str, Any]:
        found, rest = TOOL_DEFAULTS.get(kind.name, {}), self._declared.rest
        return {name: value for name, value in found.items() if not rest or kind.field(name).in_version(rest)}


def _table(kind: Kind) -> dict[str, Normalize | None]:
    """The fields that an inventory says as they are, each with what gives its one spelling."""
    elsewhere = {*_KEYS[kind.name], *_OF_OBJECT[kind.name]}
    return {field.name: field.normalize for field in kind.fields if field.name not in elsewhere}
