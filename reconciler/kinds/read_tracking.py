"""An object that records which of its properties are read: what a decoder makes a value of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds.field import Raw


class Traced(Mapping[str, Any]):
    """Adds the dotted names of the leaves that are read to `names`. A list is one leaf."""

    __slots__ = ("_names", "_path", "_seen")

    def __init__(self, seen: Raw, names: set[str], path: str = "") -> None:
        self._seen, self._names, self._path = seen, names, path

    def __getitem__(self, name: str) -> Any:
        where = f"{self._path}.{name}" if self._path else name
        value = self._seen.get(name)
        if isinstance(value, Mapping):
            return Traced(value, self._names, where)
        self._names.add(where)
        return self._seen[name] if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)
