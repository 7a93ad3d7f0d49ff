"""Where every key and value stands, beside the data and not in it.

A place is one integer (file, line and column from 0). A table is a flat list for each map (`[key, value, key, value…]`)
and each list (`[item, item…]`), found by the identity of the map or list. That costs two integers a pair; a node object
for each would cost more than reading the YAML does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.position import Position

LINE_SHIFT = 28
FILE_SHIFT = 56
LINE = 1 << LINE_SHIFT
"""How much a place grows from one line to the next."""
_MASK = (1 << LINE_SHIFT) - 1

Place = int
Map = dict[str, Any]


def line_of(place: Place) -> int:
    """Line from 0."""
    return place >> LINE_SHIFT & _MASK


def column_of(place: Place) -> int:
    """Column from 0, in characters."""
    return place & _MASK


def file_of(place: Place) -> int:
    return place >> FILE_SHIFT


class SourceMap:
    """Places of everything in the files of one inventory.

    Maps and lists are known by identity, so the holder of SourceMap keeps the data (`keep`) as well.
    """

    def __init__(self) -> None:
        self.tables: dict[int, list[Place]] = {}
        self.names: list[str] = []
        self._kept: list[Any] = []
        self._index: dict[int, dict[str, int]] = {}

    def add_file(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def keep(self, data: Any) -> None:
        self._kept.append(data)

    def position(self, place: Place) -> Position:
        return Position(self.names[place >> FILE_SHIFT], (place >> LINE_SHIFT & _MASK) + 1, (place & _MASK) + 1)

    def keys(self, node: Mapping[str, Any]) -> Sequence[Place]:
        """Places of the keys, in the order of the map."""
        return self.tables[id(node)][::2]

    def key(self, node: Mapping[str, Any], key: str) -> Place:
        return self.tables[id(node)][self._ordinal(node, key) * 2]

    def value(self, node: Mapping[str, Any], key: str) -> Place:
        return self.tables[id(node)][self._ordinal(node, key) * 2 + 1]

    def item(self, node: Sequence[Any], index: int) -> Place:
        return self.tables[id(node)][index]

    def adopt(self, merged: Map, sources: Mapping[str, Map]) -> None:
        """Places of a map that was put together: `sources` says for each of its keys which map it came from."""
        table: list[Place] = []
        for key in merged:
            part = sources[key]
            at = self._ordinal(part, key) * 2
            table += self.tables[id(part)][at : at + 2]
        self.tables[id(merged)] = table
        self.keep(merged)

    def _ordinal(self, node: Mapping[str, Any], key: str) -> int:
        index = self._index.get(id(node))
        if index is None:
            index = self._index[id(node)] = {name: at for at, name in enumerate(node)}
        return index[key]
