"""What an inventory says of each object that a server shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple

from reconciler.importing.keys import name_entries
from reconciler.importing.logins import Logins
from reconciler.inventory.schema import schema
from reconciler.kinds import KINDS, Field, Kind
from reconciler.kinds.field import CREDENTIAL, UNMANAGED, hidden
from reconciler.model.address import Address, address
from reconciler.model.inventory import LOCAL
from reconciler.model.live import LiveResource
from reconciler.model.value import UNKNOWN

RUN: Final = "never"
"""When an apply starts an imported job."""
_NEEDED: Final = ("items", "schedule")
"""What the entry of a job says in any case."""
HIDDEN: Final = "the server does not show it"

LiveObjects = Mapping[Address, LiveResource]


@dataclass(slots=True)
class Entry:
    """One object. `said` is what an inventory says of it, by the names of fields; `usual` are the values that need not
    be said, because the product has them by default."""

    kind: Kind
    key: str
    live: LiveResource
    said: dict[str, Any] = field(default_factory=dict)
    usual: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> Address:
        return address(self.kind.name, self.key)

    @property
    def known(self) -> Mapping[str, Any]:
        return {**self.usual, **self.said}


class Omission(NamedTuple):
    """What an inventory does not say: an object, or a `field` of one, and why."""

    address: str
    field: str
    reason: str


Keys = Mapping[Address, str]
"""Names in the inventory by the address of the live object."""


def keys_of(live: LiveObjects, declared: Collection[str], taken: Mapping[str, Collection[str]]) -> dict[Address, str]:
    """The names of objects in the inventory. What is `declared` has one; `taken` are all that there are, by section."""
    keys = {where: found.name for where, found in live.items() if where in declared}
    for kind in KINDS.values():
        used = {*taken.get(kind.section, ())}
        if kind.name == "pool":
            used |= {*taken.get("proxies", ()), *(key for where, key in keys.items() if where.startswith("proxy."))}
        new = {where: found for where, found in live.items() if found.kind == kind.name and where not in keys}
        keys |= dict.fromkeys(new, "") if kind.singleton else name_entries(new, used)
    return keys


def draft(
    rest: int, live: LiveObjects, keys: Keys, new: Collection[str], logins: Logins, unsaid: Collection[Omission] = ()
) -> list[Entry]:
    """The entries of the `live` objects that are `new`, in order of kind and name. What is `unsaid` is left out."""
    entries = {where: Entry(KINDS[found.kind], keys[where], found) for where, found in live.items() if where in new}
    for entry in entries.values():
        _describe(entry, rest, keys, logins)
    for where, found in live.items():
        _gather(found, keys[where], entries)
    for item in unsaid:
        if item.address in entries:
            _leave_out(entries[Address(item.address)], item.field)
    return sorted(entries.values(), key=lambda entry: (entry.kind.rank, entry.key.casefold(), entry.key))


def omissions_of(rest: int, live: LiveObjects, keys: Keys) -> Iterator[Omission]:
    """What entries do not say of their objects."""
    for where, found in live.items():
        entry = Entry(KINDS[found.kind], keys[where], found)
        for item in _imported(entry, rest):
            reason = HIDDEN if found.fields[item.name] is UNKNOWN else item.why_unsaid(found.fields)
            if reason:
                yield Omission(entry.address, item.name, reason)


def _describe(entry: Entry, rest: int, keys: Keys, logins: Logins) -> None:
    kind, live = entry.kind, entry.live
    if kind.name_field is not None and kind.name_field.name == "name" and live.fields["name"] != entry.key:
        entry.said["name"] = live.fields["name"]
    for item in _imported(entry, rest):
        value = UNKNOWN if item.why_unsaid(live.fields) else live.fields[item.name]
        if value not in (UNKNOWN, None) and (value not in ("", []) or item.product_default == value):
            _say(entry, item, value, keys, logins)
    for name, value in _of_person(entry, logins).items():
        entry.said.setdefault(name, value)


def _leave_out(entry: Entry, name: str) -> None:
    entry.said.pop(name, None)
    entry.usual.pop(name, None)
    if name in _NEEDED and entry.kind.name == "job":
        entry.said[name] = UNMANAGED


def _imported(entry: Entry, rest: int) -> Iterator[Field]:
    is_local = entry.kind.name == "proxy" and entry.key == LOCAL
    fields = entry.live.fields
    return (item for item in _possible(entry.kind.name, rest, is_local=is_local) if item.is_imported(fields))


@cache
def _possible(kind: str, rest: int, *, is_local: bool) -> tuple[Field, ...]:
    """The fields of a kind that an import says of its objects themselves. The server's own proxy has few."""
    of_local = schema()["$defs"]["localProxy"]["properties"]
    return tuple(
        item
        for item in KINDS[kind].fields
        if item.in_version(rest)
        and not (item.decode is hidden or item.through or item.gathered or item.name == "name")
        and (not is_local or item.name in of_local)
    )


def _say(entry: Entry, item: Field, value: Any, keys: Keys, logins: Logins) -> None:
    if item.addressed:
        where = Address(value)
        entry.said[where.partition(".")[0]] = keys[where]
    elif CREDENTIAL in item.refers:
        entry.said[item.name] = value if value == "none" else logins.of_user(str(value), entry.kind.name)
    elif item.refers:
        entry.said[item.name] = keys[address(item.refers[0], value)]
    elif value == item.product_default:
        entry.usual[item.name] = item.as_written(value)
    else:
        entry.said[item.name] = item.as_written(value)


def _of_person(entry: Entry, logins: Logins) -> Mapping[str, Any]:
    """What an inventory says besides what the server shows."""
    if entry.kind.name in ("copy_job", "job"):
        needed = _NEEDED if entry.kind.name == "job" else ()
        return {**{name: UNMANAGED for name in needed if name not in entry.known}, "run": RUN}
    return logins.of_proxy(entry.live) if entry.kind.name == "proxy" and entry.key != LOCAL else {}


def _gather(found: LiveResource, key: str, entries: Mapping[Address, Entry]) -> None:
    """What an object's members say of it, in place of the object."""
    for item in KINDS[found.kind].fields:
        value = found.fields[item.name] if item.gathered else UNKNOWN
        for member in value if isinstance(value, list) else ():
            entry = entries.get(address(item.refers[0], member))
            if entry is not None:
                entry.said[item.gathered] = key
