"""Objects after defaults and groups: object before group before defaults, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.inventory.checking import SECTIONS, Broken
from reconciler.inventory.source_map import Map, Place, SourceMap
from reconciler.kinds import KINDS
from reconciler.model.inventory import LOCAL

SINGLES: Final = ("server", "smtp", "policy", "secrets")
DEFAULTS_OF: Final = {
    "copy_jobs": "copy_job",
    "jobs": "job",
    "pools": "pool",
    "proxies": "proxy",
    "repositories": "repository",
    "smtp": "smtp",
}
_EXCLUSIVE: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "proxies": (("internet_proxy",),),
    "repositories": (("proxy", "pool"), ("path", "object_storage")),
}
"""Of each group one can be said: the nearest layer that says any decides, and says the whole of it."""


Tree = Mapping[str, "Tree"]


def _nested() -> dict[str, Tree]:
    """For each section the keys whose maps are flattened, each with those inside, from the names of fields."""
    nested: dict[str, Any] = {
        "proxies": {"connection": {}},
        "secrets": {"vault": {"tls": {}}},
        "server": {"tls": {}, "powershell": {}},
    }
    for kind in KINDS.values():
        for field in kind.fields:
            node = nested.setdefault(kind.section, {})
            for head in field.name.split(".")[:-1]:
                node = node.setdefault(head, {})
    return nested


NESTED: Final[Mapping[str, Tree]] = _nested()
_FIELDS: Final = {kind.section: frozenset(field.name for field in kind.fields) for kind in KINDS.values()}


class Entry:
    """One object: its flattened `values`, the maps that say them (nearest first), and where its name stands."""

    __slots__ = ("layers", "name", "place", "section", "values")

    def __init__(
        self, section: str, name: str, layers: tuple[Map, ...], values: Mapping[str, Any], place: Place
    ) -> None:
        self.section = section
        self.name = name
        self.layers = layers
        self.values = values
        self.place = place

    def holder(self, field: str) -> tuple[Map, str] | None:
        """The map that says a flattened field, and the key there. None if no layer says it."""
        if field.partition(".")[0] in NESTED.get(self.section, {}):
            *outer, last = field.split(".")
            for layer in self.layers:
                node: Any = layer
                for head in outer:
                    node = node.get(head) if isinstance(node, dict) else None
                if isinstance(node, dict) and last in node and field in flatten(self.section, layer):
                    return node, last
        return next(((layer, field) for layer in self.layers if field in layer), None)

    def key_place(self, field: str, marks: SourceMap) -> Place:
        """Where a field is said; the object itself where it is not."""
        found = self.holder(field)
        return marks.key(*found) if found else self.place

    def value_place(self, field: str, marks: SourceMap, item: int = -1) -> Place:
        found = self.holder(field)
        if found is None:
            return self.place
        value = found[0][found[1]]
        if item >= 0 and isinstance(value, list) and item < len(value):
            return marks.item(value, item)
        return marks.value(*found)


Entries = dict[str, dict[str, Entry]]


def flatten(section: str, raw: Map) -> Map:
    """`{service: {install: push}}` to `{service.install: push}`; the map itself where there is nothing to flatten.

    What a map says beside its fields is the value of the field that has its name: `{schedule: {daily: "22:00", retry:
    {attempts: 3}}}` is a `schedule` and a `schedule.retry.attempts`."""
    flat = raw
    for head, inner in NESTED.get(section, {}).items():
        if head in raw:
            if flat is raw:
                flat = dict(raw)
            _spread(flat, head, flat.pop(head), inner, _FIELDS.get(section, frozenset()))
    return flat


def _spread(flat: Map, head: str, value: Any, inner: Tree, fields: frozenset[str]) -> None:
    if not isinstance(value, dict):
        flat[head] = value
        return
    beside: Map = {}
    for key, part in value.items():
        name = f"{head}.{key}"
        if key in inner:
            _spread(flat, name, part, inner[key], fields)
        elif head in fields and name not in fields:
            beside[key] = part
        else:
            flat[name] = part
    if beside:
        flat[head] = beside


class Layers:
    """Puts the layers of one document together."""

    def __init__(self, root: Map, marks: SourceMap) -> None:
        self._root = root
        self._marks = marks
        self._flat_groups: dict[str, Map] = {}

    def entries(self, broken: Broken) -> Entries:
        """All objects by section and name, without the broken ones and those of unknown groups."""
        found: Entries = {}
        for section in SECTIONS:
            objects = self._root.get(section)
            if isinstance(objects, dict) and section not in broken.sections:
                found[section] = {entry.name: entry for entry in self._section(section, objects, broken)}
        return found

    def single(self, section: str) -> Entry | None:
        """One of SINGLES."""
        raw = self._root.get(section)
        if not isinstance(raw, dict):
            return None
        base = self._defaults(section)
        layers = (raw, base) if base else (raw,)
        values = {**flatten(section, base), **flatten(section, raw)}
        return Entry(section, "", layers, values, self._marks.key(self._root, section))

    def mapping(self) -> Map | None:
        found = self._root.get("defaults", {}).get("mapping")
        return found if isinstance(found, dict) else None

    def template(self, section: str, raw: Map) -> tuple[tuple[Map, ...], Map]:
        """Layers and values of a template, with the defaults of its section below it."""
        base = self._defaults(section)
        return ((raw, base) if base else (raw,)), self._over(section, flatten(section, base), flatten(section, raw))

    def _section(self, section: str, objects: Map, broken: Broken) -> Iterator[Entry]:
        base = self._defaults(section)
        flat_base = flatten(section, base)
        bottom = (base,) if base else ()
        is_flat = not NESTED.get(section)
        for (name, raw), place in zip(objects.items(), self._marks.keys(objects), strict=True):
            if broken.objects and (section, name) in broken.objects:
                continue
            if section == "proxies" and name == LOCAL:  # defaults are for the hosts of the others
                yield Entry(section, name, (raw,), flatten(section, raw), place)
                continue
            values = raw if is_flat else flatten(section, raw)
            layers: tuple[Map, ...] = (raw, *bottom)
            groups = _groups_of(raw) if section == "proxies" and "group" in raw else ()
            if groups:
                if any(group not in self._root.get("groups", {}) for group in groups):
                    continue
                layers = (raw, *(self._root["groups"][group] for group in reversed(groups)), *bottom)
            if groups or flat_base:
                values = self._over(section, flat_base, *(self._group(group) for group in groups), values)
            yield Entry(section, name, layers, values, place)

    def _over(self, section: str, *flat_layers: Map) -> Map:
        """The layers, farthest first, one over the other."""
        values: Map = {}
        for layer in flat_layers:
            for group in _EXCLUSIVE.get(section, ()):
                if any(_head(key) in group for key in layer):
                    values = {key: value for key, value in values.items() if _head(key) not in group}
            values.update(layer)
        return values

    def _group(self, name: str) -> Map:
        flat = self._flat_groups.get(name)
        if flat is None:
            flat = self._flat_groups[name] = flatten("proxies", self._root["groups"][name])
        return flat

    def _defaults(self, section: str) -> Map:
        found = self._root.get("defaults", {}).get(DEFAULTS_OF.get(section, ""), {})
        return found if isinstance(found, dict) else {}


def _head(key: str) -> str:
    return key.partition(".")[0]


def _groups_of(raw: Map) -> tuple[str, ...]:
    group = raw["group"]
    return tuple(group) if isinstance(group, list) else (group,)


def unknown_groups(root: Map, broken: Broken) -> Iterator[tuple[str, str, int]]:
    """(proxy, group, item) for every group that is named and not declared; the item is -1 for a single name."""
    if "proxies" in broken.sections:
        return
    declared = root.get("groups", {})
    for name, raw in root.get("proxies", {}).items():
        if ("proxies", name) in broken.objects or "group" not in raw:
            continue
        single = not isinstance(raw["group"], list)
        for item, group in enumerate(_groups_of(raw)):
            if group not in declared:
                yield name, group, -1 if single else item


def members_of_groups(root: Map) -> dict[str, tuple[str, ...]]:
    """The names of the proxies of each declared group, in order. `root` has no errors any more."""
    members: dict[str, list[str]] = {group: [] for group in sorted(root.get("groups", {}))}
    for name, raw in sorted(root.get("proxies", {}).items()):
        for group in _groups_of(raw) if "group" in raw else ():
            members[group].append(name)
    return {group: tuple(names) for group, names in members.items()}
