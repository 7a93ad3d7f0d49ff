"""What most objects of a section share stands once: in `defaults`, and for a class of proxies in a group.

How it is chosen: of each setting, the layers that make the inventory shortest, where a layer and an object cost one
line each for saying it. A layer is possible only if the value is known of every object below it, because all of them
inherit it. Settings that belong together (an internet proxy) are one. A group is kept if it saves more lines than its
members need to name it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.importing.entries import Entry
from reconciler.importing.hosts import PINS
from reconciler.inventory.schema import schema
from reconciler.model.inventory import LOCAL
from reconciler.model.value import canonical

_DEFAULTS: Final = {
    "copy_job": "copyJobDefaults",
    "job": "jobDefaults",
    "proxy": "proxyDefaults",
    "repository": "repositoryDefaults",
}
"""By kind, the definition in the schema of what objects can share."""
_OWN: Final = frozenset(("description", "exclude", "items", "object_storage", "path", "pool", "proxy", "repository"))
"""What distinguishes objects, or says what is backed up and where: it stands at the object."""
_WHOLE: Final = frozenset(("internet_proxy",))
"""Settings of which an object inherits all or nothing."""

Values = Mapping[str, Any]


@dataclass(slots=True)
class Layers:
    """`defaults` by kind and `groups` by name, as values by the names of fields."""

    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)


def share(entries: Iterable[Entry], class_of: Callable[[Entry], str]) -> Layers:
    """Take what objects share out of them. `class_of` gives the class of a proxy."""
    layers = Layers()
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind.name in _DEFAULTS and entry.key != LOCAL:
            by_kind[entry.kind.name].append(entry)
    for kind, found in sorted(by_kind.items()):
        classes: dict[str, list[Entry]] = defaultdict(list)
        for entry in found:
            classes[class_of(entry) if kind == "proxy" else ""].append(entry)
        chosen = _Choice(kind, classes)
        layers.defaults |= {kind: chosen.defaults} if chosen.defaults else {}
        layers.groups |= chosen.groups
    inherit(by_kind, layers, class_of)
    return layers


def inherit(by_kind: Mapping[str, Sequence[Entry]], layers: Layers, class_of: Callable[[Entry], str]) -> None:
    """Leave out of entries what they inherit from the layers, and say what they would inherit and do not have."""
    for kind, entries in by_kind.items():
        for entry in entries:
            group = class_of(entry) if kind == "proxy" else ""
            inherited = {**layers.defaults.get(kind, {}), **layers.groups.get(group, {})}
            for unit in {_unit(path) for path in inherited}:
                _inherit(entry, unit, _part(inherited, unit))
            if group in layers.groups:
                entry.said["group"] = group


def _inherit(entry: Entry, unit: str, inherited: Values) -> None:
    known = _part(entry.known, unit)
    if known == inherited:
        for path in known:
            entry.said.pop(path, None)
    else:
        entry.said |= known


class _Choice:
    """The layers of one kind. Without a name a class has no group."""

    def __init__(self, kind: str, classes: Mapping[str, Sequence[Entry]]) -> None:
        self._classes = classes
        self._known = {
            name: [{unit: _part(entry.known, unit) for unit in map(_unit, entry.known)} for entry in members]
            for name, members in classes.items()
        }
        self._everyone = [known for members in self._known.values() for known in members]
        self._common: dict[tuple[str, str | None], list[Values]] = {}
        self.defaults: dict[str, Any] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        allowed = schema()["$defs"][_DEFAULTS[kind]]["properties"].keys() - _OWN
        grouped = {name for name in classes if name and len(classes) > 1}
        while True:
            self._choose(allowed, grouped)
            useless = {name for name in grouped if not self._pays(name)}
            if not useless:
                break
            grouped -= useless

    def _choose(self, allowed: Iterable[str], grouped: Iterable[str]) -> None:
        self.defaults, self.groups = {}, {}
        units = dict.fromkeys(unit for members in self._known.values() for known in members for unit in known)
        for unit in units:
            if unit.partition(".")[0] in allowed and unit not in PINS:
                base = self._base(unit, grouped)
                self.defaults |= base or {}
                for name in sorted(grouped):
                    found = self._of_class(unit, name, base)[1]
                    if found:
                        self.groups.setdefault(name, {}).update(found)

    def _base(self, unit: str, grouped: Iterable[str]) -> Values | None:
        """The value for `defaults`, None without one."""

        def cost(base: Values | None) -> int:
            return (base is not None) + sum(self._of_class(unit, name, base, grouped)[0] for name in self._classes)

        return min((None, *self._candidates(unit)), key=cost)

    def _candidates(self, unit: str, name: str | None = None) -> list[Values]:
        """The values that a layer of a class can have, without a `name` that of all."""
        key = unit, name
        if key not in self._common:
            self._common[key] = _candidates(unit, self._everyone if name is None else self._known[name])
        return self._common[key]

    def _of_class(
        self, unit: str, name: str, base: Values | None, grouped: Iterable[str] | None = None
    ) -> tuple[int, Values | None]:
        """The lines that a class takes if it inherits `base`, and the value for its group, None without one."""
        best: tuple[int, Values | None] = (self._lines(unit, name, base), None)
        for value in self._candidates(unit, name) if grouped is None or name in grouped else ():
            if value != base and (lines := 1 + self._lines(unit, name, value)) < best[0]:
                best = lines, value
        return best

    def _lines(self, unit: str, name: str, base: Values | None) -> int:
        pairs = zip(self._classes[name], self._known[name], strict=True)
        if base is None:
            return sum(any(path in entry.said for path in known.get(unit, ())) for entry, known in pairs)
        return sum(known.get(unit) != base for _, known in pairs)

    def _pays(self, name: str) -> bool:
        if name not in self.groups:
            return False
        alone = sum(self._lines(unit, name, _within(self.defaults, unit)) for unit in map(_unit, self.groups[name]))
        inside = sum(self._lines(unit, name, _part(self.groups[name], unit)) for unit in map(_unit, self.groups[name]))
        return alone - inside > len(self._classes[name])


def _candidates(unit: str, members: Sequence[Mapping[str, Values]]) -> list[Values]:
    """The values that a layer can have, the most frequent first. None if it is not known of all."""
    if not all(unit in known for known in members):
        return []
    texts = {canonical(known[unit]): known[unit] for known in members}
    times = Counter(canonical(known[unit]) for known in members)
    return [texts[text] for text, count in sorted(times.items(), key=lambda item: (-item[1], item[0])) if count > 1][:3]


def _unit(path: str) -> str:
    head = path.partition(".")[0]
    return head if head in _WHOLE else path


def _part(values: Values, unit: str) -> Values:
    if unit in _WHOLE:
        return {path: value for path, value in values.items() if _unit(path) == unit}
    return {unit: values[unit]} if unit in values else {}


def _within(values: Values, unit: str) -> Values | None:
    return _part(values, unit) or None
