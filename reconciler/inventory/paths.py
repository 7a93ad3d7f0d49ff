"""Paths in a document as people say them, and where they stand."""

from __future__ import annotations

from typing import Any

from reconciler.inventory.schema import Path_
from reconciler.inventory.source_map import Map, Place, SourceMap
from reconciler.kinds import KINDS
from reconciler.kinds.rules.references import SINGULAR
from reconciler.model.address import address
from reconciler.model.sentences import quoted

_KIND_OF = {kind.section: kind.name for kind in KINDS.values() if not kind.singleton}


class Paths:
    """Paths of one merged document."""

    def __init__(self, root: Map, marks: SourceMap) -> None:
        self._root = root
        self._marks = marks

    def subject(self, path: Path_) -> str:
        """`` `port` of proxy `px-1` ``, `` item 2 of `to` in `smtp` ``."""
        if path and isinstance(path[-1], int):
            return f"Item {path[-1] + 1} of {self.subject(path[:-1])}"
        item = _last_item(path)
        if item:
            return f"{quoted(_dotted(path[item:]))} of {self.owner(path[:item])}"
        if len(path) > 2 and path[0] in SINGULAR:
            return f"{quoted(_dotted(path[2:]))} of {self.owner(path[:2])}"
        return self.owner(path, capital=True) if len(path) < 2 or path[0] in SINGULAR else quoted(_dotted(path))

    def owner(self, path: Path_, *, capital: bool = False) -> str:
        """The map at `path`."""
        if not path:
            return "The inventory" if capital else "the inventory"
        if isinstance(path[-1], int):
            return f"{'Item' if capital else 'item'} {path[-1] + 1} of {self.owner(path[:-1])}"
        if item := _last_item(path):
            return f"{quoted(_dotted(path[item:]))} of {self.owner(path[:item])}"
        if path[0] not in SINGULAR or len(path) == 1:
            return quoted(_dotted(path))
        if len(path) > 2:
            return f"{quoted(_dotted(path[2:]))} of {self.owner(path[:2])}"
        word = SINGULAR[str(path[0])]
        return f"{word.capitalize() if capital else word} {quoted(path[1])}"

    def address(self, path: Path_) -> str:
        """The address of the object that `path` leads into; empty where it is none."""
        if path and path[0] == "smtp":
            return address("smtp")
        kind = _KIND_OF.get(str(path[0]), "") if len(path) > 1 else ""
        return address(kind, str(path[1])) if kind else ""

    def key_place(self, path: Path_) -> Place:
        """Where the key at the end of `path` stands; for an item of a list, where the item does."""
        if not path:
            return 0
        node = self.node(path[:-1])
        last = path[-1]
        return self._marks.item(node, last) if isinstance(last, int) else self._marks.key(node, last)

    def value_place(self, path: Path_) -> Place:
        """Where the value begins; an empty value is where its key is."""
        if not path:
            return 0
        node = self.node(path[:-1])
        last = path[-1]
        if isinstance(last, int):
            return self._marks.item(node, last)
        return self._marks.key(node, last) if node[last] is None else self._marks.value(node, last)

    def node(self, path: Path_) -> Any:
        """What stands at `path`."""
        node: Any = self._root
        for part in path:
            node = node[part]
        return node


def _last_item(path: Path_) -> int:
    """How many parts of a path lead into the innermost item of a list; 0 where there is none."""
    return max((at + 1 for at, part in enumerate(path) if isinstance(part, int)), default=0)


def _dotted(path: Path_) -> str:
    return ".".join(str(part) for part in path)
