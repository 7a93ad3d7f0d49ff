"""What `validate` says of imported objects, as what is left out: a field if its object can do without, or all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.importing.compose import Composed
from reconciler.importing.entries import Omission
from reconciler.inventory.layers import SINGLES
from reconciler.kinds import KINDS, Mode
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.position import Position


@dataclass(frozen=True, slots=True)
class Refusals:
    """By live address: `fields` that are left out, and `objects` with the reason."""

    fields: list[Omission] = field(default_factory=list)
    objects: dict[Address, str] = field(default_factory=dict)


def refusals(
    found: Sequence[Diagnostic], composed: Composed, declared: Collection[str], unsaid: Collection[Omission]
) -> Refusals:
    """What has errors. Fields that are `unsaid` already were not enough: the object goes, for the first reason."""
    made, places = Refusals(), _Places(composed.files)
    tried = {(item.address, item.field) for item in unsaid}
    reasons: dict[str, str] = {}
    for omission in unsaid:
        reasons.setdefault(omission.address, omission.reason)
    for item in found:
        live = composed.live_of.get(item.address)
        if not item.is_error or live is None or item.address in declared:
            continue
        name = places.field_at(item.position)
        if not name or (live, name) in tried:
            made.objects.setdefault(live, reasons.get(live, item.detail))
        elif (live, name) not in {other[:2] for other in made.fields}:
            made.fields.append(Omission(live, name, item.detail))
    return made


class _Places:
    """Fields by their position in the texts of files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._nodes: dict[str, Any] = {}

    def field_at(self, position: Position | None) -> str:
        """The field that stands there; empty for an object, and for what identifies it."""
        if position is None or position.file not in self._files:
            return ""
        if position.file not in self._nodes:
            import yaml

            self._nodes[position.file] = yaml.compose(self._files[position.file], Loader=yaml.CSafeLoader)
        section, *path = _keys(self._nodes[position.file], (position.line - 1, position.column - 1))
        kind = next((kind for kind in KINDS.values() if kind.section == section), None)
        path = path if section in SINGLES else path[1:]
        heads = [".".join(path[:length]) for length in range(len(path), 0, -1)]
        fields = {item.name: item for item in kind.fields} if kind is not None else {}
        name = next((head for head in heads if head in fields), "")
        return name if name and fields[name].mode is not Mode.KEY else ""


def _keys(node: Any, place: tuple[int, int]) -> Iterator[str]:
    """The keys that lead to a place: of each map the last one that does not begin behind it."""
    while node.id == "mapping":
        before = [pair for pair in node.value if (pair[0].start_mark.line, pair[0].start_mark.column) <= place]
        if not before:
            return
        key, node = before[-1]
        yield str(key.value)


def doubts(
    found: Sequence[Diagnostic], inventory: Inventory | None, composed: Composed, declared: Collection[str]
) -> list[Omission]:
    """The fields of new objects that `validate` warns of, by live address."""
    resources = inventory.resources if inventory is not None else {}
    doubtful = []
    for item in found:
        where = Address(item.address)
        if item.is_error or where not in resources or where not in composed.live_of or where in declared:
            continue
        if name := _field_of(resources[where], item.position):
            doubtful.append(Omission(composed.live_of[where], name, item.detail))
    return doubtful


def _field_of(resource: Resource, position: Position | None) -> str:
    """The field whose value stands at `position`: the last one that begins before. Empty for the object itself."""
    if position is None or position == resource.position:
        return ""
    before = [
        (place.line, place.column, name)
        for name, place in resource.positions.items()
        if place.file == position.file and (place.line, place.column) <= (position.line, position.column)
    ]
    return max(before, default=(0, 0, ""))[2]
