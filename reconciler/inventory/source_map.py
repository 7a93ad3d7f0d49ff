"""Where every key and value stands, beside the data and not in it.

A place is one integer: a file, and a character of it from 0. A table is a flat list for each map (`[key, value, key,
value…]`) and each list (`[item, item…]`), found by the identity of the map or list. That costs two integers a pair; a
node object for each would cost more than reading the YAML does. Lines are counted once a position is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.inventory.source import Source
from reconciler.model.position import Position

FILE_SHIFT: Final = 27
"""More than the characters of a file of `source.MAX_BYTES`."""
_IN_FILE: Final = (1 << FILE_SHIFT) - 1

Place = int
Map = dict[str, Any]


class SourceMap:
    """Places of everything in the files of one inventory.

    Maps and lists are known by identity, so the holder of SourceMap keeps the data (`keep`) as well.
    """

    def __init__(self) -> None:
        self.tables: dict[int, list[Place]] = {}
        self.sources: list[Source] = []
        self._kept: list[Any] = []
        self._index: dict[int, dict[str, int]] = {}

    def add(self, source: Source) -> int:
        """The number of the file, in the order in which files are read."""
        self.sources.append(source)
        return len(self.sources) - 1

    def keep(self, data: Any) -> None:
        self._kept.append(data)

    def position(self, place: Place) -> Position:
        source = self.sources[place >> FILE_SHIFT]
        line, column = source.line_and_column(place & _IN_FILE)
        return Position(source.name, line + 1, column + 1)

    def line(self, place: Place, limit: int) -> str:
        """The text of the line of a place, at most `limit` characters of it."""
        source = self.sources[place >> FILE_SHIFT]
        return source.line(source.line_and_column(place & _IN_FILE)[0], limit)

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


class Positions(Mapping[str, Position]):
    """Positions of places by name, computed when they are asked for."""

    def __init__(self, places: Mapping[str, Place], marks: SourceMap) -> None:
        self._places = places
        self._marks = marks

    def __getitem__(self, name: str) -> Position:
        return self._marks.position(self._places[name])

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
