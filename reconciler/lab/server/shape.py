"""Resources as data: which properties a body has in which REST version, how they are read and how they are shown.

One `Shape` a resource holds every version. Property names are accepted in any case and given back in the spelling of
the OpenAPI documents (facts, 1.1); write-only properties are never shown, read-only ones never taken from a client.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from reconciler.lab.server.answer import invalid


@dataclass(frozen=True, slots=True)
class Place:
    """What reading a value depends on: the REST version, whether unknown properties are refused, and where it is."""

    rest: int
    where: str = ""
    strict: bool = False

    def inside(self, name: str) -> Place:
        return replace(self, where=f"{self.where}.{name}" if self.where else name)

    def nth(self, index: int) -> Place:
        return replace(self, where=f"{self.where}[{index}]")


class Type(Protocol):
    """What a value must be. `read` gives the one spelling of it or raises `ApiError`; `show` renders it."""

    def read(self, value: Any, at: Place, /) -> Any: ...

    def show(self, value: Any, rest: int, /) -> Any: ...


class Plain:
    """Shown as it is stored."""

    def show(self, value: Any, _rest: int, /) -> Any:
        return value


class Anything(Plain):
    def read(self, value: Any, _at: Place, /) -> Any:
        return value


class Text(Plain):
    def read(self, value: Any, at: Place, /) -> str:
        if not isinstance(value, str):
            raise invalid(f"The value of {at.where} must be a string.")
        return value


class Name(Text):
    """Text with something in it."""

    def read(self, value: Any, at: Place, /) -> str:
        if not (text := super().read(value, at)).strip():
            raise invalid(f"The value of {at.where} must not be empty.")
        return text


class Flag(Plain):
    def read(self, value: Any, at: Place, /) -> bool:
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise invalid(f"The value of {at.where} must be a Boolean.")
        return value


@dataclass(frozen=True, slots=True)
class Whole(Plain):
    """A whole number; text of digits is taken for a number, as .NET's reader does."""

    low: int = -(2**63)
    high: int = 2**63 - 1

    def read(self, value: Any, at: Place, /) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"The value of {at.where} must be a whole number.")
        if not self.low <= value <= self.high:
            raise invalid(f"The value of {at.where} must be between {self.low} and {self.high}.")
        return value


class Ident(Plain):
    """A UUID."""

    def read(self, value: Any, at: Place, /) -> str:
        try:
            return str(uuid.UUID(str(value)))
        except ValueError:
            raise invalid(f"The value of {at.where} must be a UUID.") from None


class Time(Plain):
    """A date and time, kept as text."""

    def read(self, value: Any, at: Place, /) -> str:
        try:
            datetime.fromisoformat(str(value))
        except ValueError:
            raise invalid(f"The value of {at.where} must be a date and time.") from None
        return str(value)


class Choice:
    """One of the words of an enumeration, in any case. `since` names words that came with a later REST version.

    With `camel` a v5 answer writes the word in camel case, as the v5 reference does for jobs.
    """

    def __init__(self, *words: str, since: Mapping[str, int] | None = None, camel: bool = False) -> None:
        self.words = {word.lower(): word for word in words}
        self.since = since or {}
        self.camel = camel

    def read(self, value: Any, at: Place, /) -> str:
        word = self.words.get(value.lower()) if isinstance(value, str) else None
        if word is None or self.since.get(word, 0) > at.rest:
            raise invalid(f"The value of {at.where} is not valid. Use one of: {', '.join(self.words.values())}.")
        return word

    def show(self, value: Any, rest: int, /) -> Any:
        return value[:1].lower() + value[1:] if self.camel and rest <= 5 and isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Many:
    """An array of values of one type."""

    of: Type

    def read(self, value: Any, at: Place, /) -> list[Any]:
        if not isinstance(value, list):
            raise invalid(f"The value of {at.where} must be an array.")
        return [self.of.read(item, at.nth(index)) for index, item in enumerate(value)]

    def show(self, value: Any, rest: int, /) -> Any:
        return [self.of.show(item, rest) for item in value]


TEXT, NAME, FLAG, IDENT, TIME, ANYTHING = Text(), Name(), Flag(), Ident(), Time(), Anything()
INT32 = Whole(-(2**31), 2**31 - 1)
INT64 = Whole()


@dataclass(frozen=True, slots=True)
class Property:
    """`access` is r, w or rw. `since` and `until` are the REST versions that have it. `null` is the first version
    that shows an empty value as null; 0 means that an empty value is left out, since the spec does not allow null."""

    name: str
    type: Type
    access: str = "rw"
    since: int = 5
    until: int = 8
    null: int = 0

    def in_version(self, rest: int) -> bool:
        return self.since <= rest <= self.until


class Shape:
    """The properties of one resource, usable as the type of a property too (nested objects)."""

    def __init__(self, *properties: Property) -> None:
        self.properties = properties
        self._known = {item.name.lower(): item for item in properties}

    def with_more(self, *properties: Property) -> Shape:
        return Shape(*self.properties, *properties)

    def has(self, name: str, rest: int) -> bool:
        return self._known[name.lower()].in_version(rest)

    def read(self, value: Any, at: Place, /) -> dict[str, Any]:
        """The properties that a client may send, in spec spelling. null counts as not sent. Read-only properties are
        ignored, unknown ones too, unless the place is strict."""
        if not isinstance(value, Mapping):
            raise invalid(f"The value of {at.where or 'the request body'} must be an object.")
        result: dict[str, Any] = {}
        for name, item in value.items():
            known = self._known.get(str(name).lower())
            if known is None or not known.in_version(at.rest):
                if at.strict:
                    raise invalid(f"The property {at.inside(str(name)).where} is not known.")
            elif "w" in known.access and item is not None:
                result[known.name] = known.type.read(item, at.inside(known.name))
        return result

    def show(self, value: Any, rest: int, /) -> dict[str, Any]:
        """The properties that a client sees, as far as `value` has them."""
        result: dict[str, Any] = {}
        for item in self.properties:
            if "r" not in item.access or not item.in_version(rest) or item.name not in value:
                continue
            stored = value[item.name]
            if stored is not None:
                result[item.name] = item.type.show(stored, rest)
            elif item.null and rest >= item.null:
                result[item.name] = None
        return result


def require(body: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse a body in which one of `names` is missing or empty."""
    for name in names:
        if body.get(name) in (None, ""):
            raise invalid(f"The property {name} is required.")
