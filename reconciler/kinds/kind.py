"""A kind of object: where it lives in the inventory and on the server, how it is recognised, and its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.kinds.api import Schema
from reconciler.kinds.field import FIRST_REST, LAST_REST, Context, Field, Mode, Raw
from reconciler.model.state import State


def no_extra(context: Context, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def anything(fields: Mapping[str, Any], raw: Raw, context: Context) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    `section` is its key in the inventory; `collection` the path below `/vN/` (empty where REST does not know it).
    `rank` orders creation: lower first; deletes go the other way. `live_key` gives what identifies a live object
    and `wanted_key` the same for a declared one: where both are equal it is the same object. `on_create` adds
    properties to the body of a POST that no field declares. `volatile` names properties, at any depth, that the
    server changes by itself: they are never sent and never compared. `reference` kinds must exist and are never
    changed. `state` reads what the server reports of an object that has a state, for a REST version.
    `added` are properties that the objects of some versions do not hold, and that observation adds from elsewhere. An
    object whose `live_key` is empty cannot be identified, but for a singleton.

    `kinds.matching` recognises objects that have another name: `certain` names a field that identifies an object
    whatever it is called. `may_be` says whether a declared object with these fields can be a live one at all.
    `likeness` names, in groups, the fields that tell objects apart: objects are alike if of each group something is
    declared and all of it is equal (`object_storage` stands for those of its settings that cannot be changed).
    """

    name: str
    section: str
    doc: str
    rank: int
    fields: tuple[Field, ...]
    live_key: Callable[[Raw, Context], str]
    wanted_key: Callable[[str, Mapping[str, Any]], str]
    collection: str = ""
    singleton: bool = False
    reference: bool = False
    since: int = FIRST_REST
    until: int = LAST_REST
    volatile: frozenset[str] = frozenset()
    on_create: Callable[[Context, Mapping[str, Any]], Mapping[str, Any]] = no_extra
    state: Callable[[Raw, int], State] | None = None
    added: tuple[tuple[str, Schema], ...] = ()
    certain: str = ""
    may_be: Callable[[Mapping[str, Any], Raw, Context], bool] = anything
    likeness: tuple[tuple[str, ...], ...] = ()

    @property
    def name_field(self) -> Field | None:
        """The field with the name on the server; None for a singleton."""
        return next((field for field in self.fields if field.mode is Mode.KEY), None)

    def field(self, name: str) -> Field:
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.name} has no field {name!r}")

    @property
    def is_marked(self) -> bool:
        """Whether its objects carry the mark of the inventory that created them."""
        return any(field.name == "description" for field in self.fields)

    def in_version(self, rest: int) -> bool:
        return self.since <= rest <= self.until
