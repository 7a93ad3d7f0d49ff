"""What a backup job backs up of its organization, and what it leaves out.

In an inventory it is `all`, a list of services of the organization, or a map by type of item. In its one spelling a
selection is a list: the services as texts, then every other item as a map (`{user: alice@contoso.com, services: […]}`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from reconciler.kinds.api import Schema
from reconciler.kinds.field import UNMANAGED, Context, Field, Mode, Raw
from reconciler.kinds.item_types import (
    ALL_FLAGS,
    BY_API,
    BY_WORD,
    ITEM_TYPES,
    ItemType,
    ident_of,
    plain_name,
    shown_name,
)
from reconciler.model.errors import UnknownName
from reconciler.model.value import UNKNOWN

ITEM_LIST: Final = Schema(type="array", items=Schema(ref="RESTJobItemComposed"))
ALL: Final = "all"
"""Every object of the organization, also those that are added later."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item: the word of its type, the name of its object, its services (or folders), and the object as requests
    name it, where it was looked up."""

    word: str
    name: str = ""
    services: tuple[str, ...] = ()
    object: Mapping[str, Any] | None = None

    @property
    def type(self) -> ItemType:
        return BY_WORD[self.word]

    @property
    def key(self) -> tuple[str, str]:
        """A job has one item with a key."""
        return self.word, plain_name(self.name)

    @property
    def order(self) -> tuple[int, str]:
        return ITEM_TYPES.index(self.type), plain_name(self.name)

    @property
    def title(self) -> str:
        return f"{self.word} {self.name}" if self.name else self.word

    @property
    def about(self) -> str:
        """Its services or folders in brackets; empty for a type that needs none."""
        if not self.services and not self.type.default:
            return ""
        return f"({', '.join(self.services) or 'no services'})"

    def __str__(self) -> str:
        return " ".join(filter(None, (self.title, self.about)))


def items_of(value: Any) -> list[Item]:
    """The items of a selection in its one spelling; none of other values."""
    if not isinstance(value, list):
        return []
    services = tuple(entry for entry in value if isinstance(entry, str))
    found = [Item("organization", "", services)] if services else []
    for entry in value:
        if isinstance(entry, Mapping):
            word = next(word for word in BY_WORD if word in entry)
            item = BY_WORD[word]
            name = str(entry[word]) if item.holder else ""
            held = tuple(entry[word]) if item.listed else tuple(entry.get("services", ()))
            found.append(Item(word, name, held, entry.get("object")))
    return found


def value_of(items: Iterable[Item]) -> list[Any]:
    """The one spelling of a selection."""
    value: list[Any] = []
    for item in sorted(items, key=lambda item: item.order):
        if item.word == "organization":
            value += item.services
        elif item.type.listed:
            value.append({item.word: list(item.services)})
        elif item.type.holder:
            services = {"services": list(item.services)} if item.type.flags else {}
            value.append({item.word: item.name, **services, **({"object": item.object} if item.object else {})})
        else:
            value.append({item.word: True})
    return value


def written_items(value: Any) -> Any:
    """A selection as an inventory has it: `all`, a list of services, or a map of items by type; what
    `normalize_items` and `normalize_exclude` read back."""
    if not isinstance(value, list):
        return value
    written: dict[str, Any] = {}
    for item in items_of(value):
        section = item.type.section
        if not item.type.holder:
            written[section] = list(item.services) if item.type.flags or item.type.listed else True
            continue
        usual = not item.type.flags or item.services == item.type.default
        entry = item.name if usual else {item.word: item.name, "services": list(item.services)}
        written.setdefault(section, []).append(entry)
    return written.get("organization", []) if written.keys() <= {"organization"} else written


def normalize_items(value: Any) -> Any:
    """The one spelling of what an inventory says. Raises ValueError for no item, and for one that is there twice."""
    if value in (ALL, UNMANAGED):
        return value
    found = normalize_exclude(value)
    if not found:
        raise ValueError("nothing is selected: name an item, or write all or unmanaged")
    return found


def normalize_exclude(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        items = [_said(item, entry) for item in ITEM_TYPES for entry in _entries(item, value.get(item.section))]
    else:
        items = [replace(item, services=_in_order(item.type, item.services)) for item in items_of(value)]
    twice = [key for key, times in Counter(item.key for item in items).items() if times > 1]
    if twice:
        raise ValueError(f"the {next(item.title for item in items if item.key == twice[0])} is listed twice")
    return value_of(items)


def _entries(item: ItemType, said: Any) -> list[Any]:
    if not said:
        return []
    return list(said) if item.holder else [said]


def _said(item: ItemType, entry: Any) -> Item:
    if not item.holder:
        return Item(item.word, "", _in_order(item, entry) if item.flags or item.listed else ())
    fields = entry if isinstance(entry, Mapping) else {item.word: entry}
    name = str(fields[item.word]).strip()
    return Item(
        item.word,
        name.rstrip("/") if item.word == "site" else name,
        _in_order(item, fields.get("services", item.default)),
    )


def _in_order(item: ItemType, services: Iterable[str]) -> tuple[str, ...]:
    wanted = set(services)
    return tuple(sorted(wanted)) if item.listed else tuple(name for name in item.flags if name in wanted)


def item_body(item: Item, rest: int) -> dict[str, Any]:
    """An item as requests hold it. Raises UnknownName for an object that was not looked up."""
    body: dict[str, Any] = {"type": item.type.api}
    if item.type.holder:
        if item.object is None:
            raise UnknownName(f"the {item.title} was not looked up in the organization")
        body[item.type.holder] = dict(item.object)
    return body | item_services(item, rest)


def item_services(item: Item, rest: int) -> dict[str, Any]:
    """The properties of an item that say its services, or folders."""
    if item.type.listed:
        return {item.type.listed: list(item.services)}
    return {api: word in item.services for word, api in item.type.flags_in(rest).items()}


def without_objects(value: Any, context: Context) -> Any:
    """A selection as the server shows it."""
    return value_of(replace(item, object=None) for item in items_of(value)) if isinstance(value, list) else value


def encode_items(value: Any, context: Context) -> Mapping[str, Any]:
    if value == ALL:
        return {"backupType": "EntireOrganization", "selectedItems": []}
    return {"backupType": "SelectedItems", "selectedItems": _bodies(value, context)}


def encode_exclude(value: Any, context: Context) -> Mapping[str, Any]:
    return {"excludedItems": _bodies(value, context)}


def _bodies(value: Any, context: Context) -> list[dict[str, Any]]:
    return [item_body(item, context.rest) for item in items_of(value)]


def decode_items(raw: Raw, context: Context) -> Any:
    """v8 keeps the items in separate collections, which observation adds as `selectedItems` and `excludedItems`."""
    if raw["backupType"] == "EntireOrganization":
        return ALL
    return decode_list(raw["selectedItems"], context) or UNKNOWN  # a job of selected items has some


def decode_exclude(raw: Raw, context: Context) -> Any:
    return decode_list(raw["excludedItems"], context)


def decode_list(raws: Iterable[Raw], context: Context) -> Any:
    """UNKNOWN as a whole if there is an item that this language cannot say, or two that it cannot distinguish."""
    found = _merged([decode_item(raw, context) for raw in raws])
    times = Counter(item.key for item, _ in found)
    apart = [replace(item, name=ident) if times[item.key] > 1 and ident else item for item, ident in found]
    return value_of(apart) if len({item.key for item in apart}) == len(apart) else UNKNOWN


def _merged(found: list[tuple[Item, str]]) -> list[tuple[Item, str]]:
    """Several items of the organization back up what each of them does."""
    services = [item.services for item, _ in found if item.word == "organization"]
    whole = Item("organization", "", _in_order(BY_WORD["organization"], chain.from_iterable(services)))
    others = [pair for pair in found if pair[0].word != "organization"]
    return [(whole, ""), *others] if services else others


def decode_item(raw: Raw, context: Context) -> tuple[Item, str]:
    """An item and what identifies its object. Raises KeyError for one that this language cannot say."""
    item = BY_API[str(raw["type"]).lower()]
    flags = item.flags_in(context.rest)
    if any(raw.get(api) for api in ALL_FLAGS - set(flags.values())):
        raise KeyError("flags of another type")
    services = tuple(word for word, api in flags.items() if raw[api])
    if item.listed:
        return Item(item.word, "", tuple(sorted(raw[item.listed]))), ""
    if not item.holder:
        if flags and not services:
            raise KeyError("nothing of the organization")
        return Item(item.word, "", services), ""
    seen = raw[item.holder]
    ident = ident_of(item, seen)
    try:
        name = context.named(item.word, ident)
    except UnknownName:
        name = shown_name(item, seen)
    return Item(item.word, name, services), ident


ITEMS: Final = Field(
    "items",
    "What is backed up: all, or a selection. Not compared if it is left out, or unmanaged.",
    mode=Mode.ITEMS,
    encode=encode_items,
    decode=decode_items,
    normalize=normalize_items,
    shown=without_objects,
    severe=True,
    starts_jobs=True,
    initial=ALL,
    written=written_items,
)
EXCLUDE: Final = Field(
    "exclude",
    "What is left out of the items. Not compared if it is left out.",
    mode=Mode.ITEMS,
    encode=encode_exclude,
    decode=decode_exclude,
    normalize=normalize_exclude,
    shown=without_objects,
    severe=True,
    starts_jobs=True,
    written=written_items,
    product_default=[],
)
