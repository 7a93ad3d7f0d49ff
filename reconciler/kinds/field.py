"""Kinds and their fields as data. One more field of a kind is one more thing that an inventory can say.

Observing, comparing and request bodies work from these declarations, the graph of `kinds/graph.py` from what they refer
to.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from reconciler.kinds.api import Schema
from reconciler.model.address import address
from reconciler.model.connection import Certificate, Connection, Credential
from reconciler.model.errors import UnknownName
from reconciler.model.live import Reference
from reconciler.model.secret import SecretRef
from reconciler.model.state import State
from reconciler.model.value import UNKNOWN

CREDENTIAL: Final = "credential"
CERTIFICATE_ENTRY: Final = "certificate entry"
"""What a field may refer to besides kinds: entries of the sections `credentials` and `certificates`."""

UNMANAGED: Final = "unmanaged"
"""What an inventory says in place of a default: the value of the server is left as it is."""

Raw = Mapping[str, Any]
"""One object in the names of the REST API (camelCase, see the OpenAPI documents of the product)."""

FIRST_REST: Final = 5
LAST_REST: Final = 8


class Mode(StrEnum):
    """What may happen to a field after its object exists."""

    KEY = "key"  # identifies the object, so it never differs; a rename is another object
    MUTABLE = "mutable"  # changed in place with PUT
    CREATE_ONLY = "create-only"  # a change is a replace
    MOVE = "move"  # changed by a separate operation (pool membership, owner of a repository)
    ITEMS = "items"  # a list whose items are added, changed and removed one by one
    WRITE_ONLY = "write-only"  # the server hides it; compared by fingerprint of what was last applied
    LOCAL = "local"  # concerns the reconciler only and is never sent


class Context(Protocol):
    """What encoding and decoding may ask: the REST version, names and ids, and secrets at the moment of use."""

    rest: int
    owner: str

    def id_of(self, kind: str, name: str) -> str:
        """The server's id of a declared object. Raises UnknownName where it does not exist (yet)."""
        ...

    def named(self, kind: str, ident: str) -> str:
        """The name that an object has here, from its id. Raises UnknownName if the server lists none with this id."""
        ...

    def references(self, kind: str) -> Sequence[Reference] | None:
        """The objects of a kind that no inventory declares, None if they were not read."""
        ...

    def credential(self, name: str) -> Credential: ...

    def certificate(self, name: str) -> Certificate: ...

    def connection(self, name: str) -> Connection | None: ...

    def reveal(self, reference: SecretRef | None) -> str:
        """The secret's value, empty for None. Raises SecretError."""
        ...


Encode = Callable[[Any, Context], Mapping[str, Any]]
Decode = Callable[[Raw, Context], Any]
Normalize = Callable[[Any], Any]
Refuses = Callable[[Any, int], str]
Shown = Callable[[Any, Context], Any]
Applies = Callable[[Mapping[str, Any]], bool]
Severe = Callable[[Any, Any], bool]


def _nothing_unsaid(fields: Mapping[str, Any]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind.

    `name` is its name in the inventory (dots step into nested maps), `api` the property of the REST API that holds
    it, for the simple ones; the others bring `encode` (value to properties of a request body) and `decode` (object to
    value, `UNKNOWN` or a KeyError for what is not there). `since` and `until` are the REST versions that have it.
    `refers` names the kinds whose objects the value names: it is a name, or a list of names. An `addressed` value is
    an address (`pool.cloud`), and an inventory writes the kind as the key (`pool: cloud`). `gathered` is the key
    under which the named objects say it in an inventory (`pool` of each member). `normalize` gives the one spelling
    of equal values and raises ValueError with a sentence for people. `shown` gives the part of a wanted value that
    the server shows, for comparing. `refuses` says why a REST version cannot take a value, and gives an empty text
    where it can. `on_put` is a field that a PUT must repeat though it cannot change; `sent_with` names the fields
    whose change needs this login too. `implies` names properties of the API that the server may change along with the
    field. `applies` says of which objects, by their declared fields, a field is sent and compared; all without it.
    Drift of `severe` fields is alarming: it can stop a proxy or the backups, hides failures, or concerns trust.
    Where only some values are, it is a function of the live and the wanted one. A change of a field that `starts_jobs`
    alters where data goes or who moves it: the jobs that work through its object are started. An `optional` field takes
    the word `unmanaged`: it is then not declared. `initial` is a default
    for new objects only: of others the field is compared only if it is declared. An inventory does not say a field
    `through` another one: it is that of the object which the other one names.

    An import writes a field from what the server shows: `written` gives what an inventory says for a value, `imported`
    whether an object with these live fields has the field at all, and a value that is the `product_default` is left
    out. `why_unsaid` gives the reason for which it does not say what it saw; it is empty where it does.
    """

    name: str
    doc: str
    api: str = ""
    mode: Mode = Mode.MUTABLE
    since: int = FIRST_REST
    until: int = LAST_REST
    refers: tuple[str, ...] = ()
    addressed: bool = False
    gathered: str = ""
    encode: Encode | None = None
    decode: Decode | None = None
    normalize: Normalize | None = None
    shown: Shown | None = None
    refuses: Refuses | None = None
    on_put: bool = False
    sent_with: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    applies: Applies | None = None
    severe: bool | Severe = False
    starts_jobs: bool = False
    optional: bool = False
    initial: Any = None
    through: str = ""
    written: Normalize | None = None
    imported: Applies | None = None
    product_default: Any = None
    why_unsaid: Callable[[Mapping[str, Any]], str] = _nothing_unsaid

    def applies_to(self, fields: Mapping[str, Any]) -> bool:
        return self.applies is None or self.applies(fields)

    def is_severe(self, live: Any, wanted: Any) -> bool:
        """Whether it is alarming that the server has `live` in place of `wanted`."""
        return self.severe(live, wanted) if callable(self.severe) else self.severe

    def in_version(self, rest: int) -> bool:
        return self.since <= rest <= self.until

    def to_api(self, value: Any, context: Context) -> Mapping[str, Any]:
        """Properties of a request body that say `value`."""
        if self.encode is not None:
            return self.encode(value, context)
        if not self.api:
            return {}
        return {self.api: context.id_of(self.refers[0], value) if self.refers else value}

    def as_shown(self, value: Any, context: Context) -> Any:
        """What the server would show of a wanted `value`."""
        return self.shown(value, context) if self.shown else value

    def from_api(self, raw: Raw, context: Context) -> Any:
        """The value that the server shows, in the inventory's words; UNKNOWN if any part of it cannot be read or named.

        `raw` is an object as `kinds.typed` gives it: what it holds is usable.
        """
        if not self.in_version(context.rest):
            return UNKNOWN
        try:
            if self.decode is not None:
                return self.decode(raw, context)
            value = raw[self.api]
            return context.named(self.refers[0], value) if self.refers else value
        except (KeyError, UnknownName):
            return UNKNOWN

    def as_written(self, value: Any) -> Any:
        """What an inventory says for a value that the server shows."""
        return self.written(value) if self.written else value

    def is_imported(self, fields: Mapping[str, Any]) -> bool:
        """Whether an object with these live fields has the field."""
        return self.imported is None or self.imported(fields)

    def is_left_alone(self, value: Any, said: Container[str]) -> bool:
        """Whether an existing object keeps what it has, if an inventory says `value`, or a default does: `said` has the
        names of the fields that the inventory says."""
        return self.initial is not None and (value == UNMANAGED or (value == self.initial and self.name not in said))

    def declared(self, values: Mapping[str, Any]) -> Any:
        """The value in what an inventory says of an object, None if it says nothing."""
        if not self.addressed:
            return values.get(self.name)
        for kind in self.refers:
            if values.get(kind):
                return address(kind, values[kind])
        return None


def nothing(value: Any, context: Context) -> Mapping[str, Any]:
    """The `encode` of a field that is not part of any request body (membership, moves)."""
    return {}


def never(fields: Mapping[str, Any]) -> bool:
    """The `imported` of a field that an inventory says only if a person decides it."""
    return False


def if_shown(name: str) -> Applies:
    """The `imported` of a field that the server leaves out of objects which have no such thing."""
    return lambda fields: fields[name] is not UNKNOWN


def hidden(raw: Raw, context: Context) -> Any:
    """The `decode` of a field that the server never gives back."""
    return UNKNOWN


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
    `likeness` names, in groups, the fields that distinguish objects: objects are alike if of each group something is
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
