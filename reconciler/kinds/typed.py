"""An answer of the API, held to the table of its REST version (`kinds/api`): the one place that judges its values.

Servers send null where the document has a value, words that its lists do not have, numbers as text, and other types.
A property is there if its value has the type of the table, and absent otherwise, so that decoders know two cases: a
usable value, and none. Words are given in the spelling of the table, whatever the letter case they come in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from reconciler.kinds import KINDS, api
from reconciler.kinds.api import Schema
from reconciler.kinds.field import Kind, Raw

Judge = Callable[[Any], Any]
"""Gives a value in the form that the table gives it, and None if it has none of it, or is None."""
_WHOLE: Final = re.compile(r"([+-]?[0-9]{1,18})(?:\.0+)?")


class Typed(Mapping[str, Any]):
    """One object: the properties of a table whose values are usable. Values are judged when they are asked for."""

    __slots__ = ("_judges", "_raw")

    def __init__(self, judges: Mapping[str, Judge], raw: Raw) -> None:
        self._judges = judges
        self._raw = raw

    def __getitem__(self, name: str) -> Any:
        value = self._judges[name](self._raw[name])
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        value, judge = self._raw.get(name), self._judges.get(name)
        if value is None or judge is None:
            return default
        value = judge(value)
        return default if value is None else value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._judges if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def raw(self) -> Raw:
        return self._raw


def typed(kind: Kind, rest: int, raw: Raw) -> Raw:
    """An object of a kind as its decoders read it. What REST does not have is given as it is."""
    if not kind.collection:
        return raw
    return Typed(_judges_of(kind.name, _table(rest)), raw)


def raw_of(seen: Raw) -> Raw:
    """The object that `typed` was given."""
    return seen.raw if isinstance(seen, Typed) else seen


def judges(rest: int, properties: Mapping[str, Schema]) -> Mapping[str, Judge]:
    """The judge of each property of an object."""
    return MappingProxyType({name: _judge(rest, schema) for name, schema in properties.items()})


def _judge(rest: int, schema: Schema) -> Judge:
    while schema.ref:
        schema = api.schema(rest, schema.ref)
    if schema.properties:
        return _objects(rest, schema.properties)
    if schema.type == "array":
        return _lists(_judge(rest, schema.items) if schema.items else _any)
    return _words(schema.enum) if schema.enum else _PLAIN.get(schema.type, _any)


def _objects(rest: int, properties: Mapping[str, Schema]) -> Judge:
    of_it = cache(lambda: judges(rest, properties))  # on first use: an object can hold objects of the same kind
    return lambda value: Typed(of_it(), value) if isinstance(value, Mapping) else None


def _lists(of_item: Judge) -> Judge:
    """A list with an item that cannot be read is not known as a whole."""

    def judge(value: Any) -> list[Any] | None:
        items = [of_item(item) for item in value] if isinstance(value, list) else [None]
        return None if any(item is None for item in items) else items

    return judge


def _words(enum: tuple[str, ...]) -> Judge:
    words = {word.lower(): word for word in enum}
    return lambda value: words.get(value.lower()) if isinstance(value, str) else None


def _any(value: Any) -> Any:
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> int | float | None:
    """Whole numbers come as text and with a fraction of zero, too (facts, Q8)."""
    if isinstance(value, str):
        found = _WHOLE.fullmatch(value.strip())
        return int(found.group(1)) if found else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole(value: Any) -> int | None:
    found = _number(value)
    return found if isinstance(found, int) else None


def _object(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


_PLAIN: Final = {"string": _text, "boolean": _flag, "integer": _whole, "number": _number, "object": _object}


def _table(rest: int) -> int:
    """REST v5 has no published table; the one of v6 stands in."""
    return max(rest, api.VERSIONS[0])


@cache
def _judges_of(kind: str, rest: int) -> Mapping[str, Judge]:
    answer = api.operation(rest, "GET", KINDS[kind].collection).answer
    added = {name: schema for name, schema in KINDS[kind].added if not schema.ref or schema.ref in api.names(rest)}
    return judges(rest, {**api.properties(rest, answer), **added})
