"""Which live object a declared one is, and what live objects are called. Everything that matches objects asks here.

Each declared object is at most one live object, and the reverse. In this order:

1. what identifies it for certain, if the inventory says it (`Kind.certain`: the tenant id of an organization),
2. its name on the server; of several objects with that name, the one that was applied last,
3. the id that the journal remembers: it has another name now,
4. its former name (`formerly`),
5. the mark of the inventory: the one object with it that the journal does not know, and that is what is declared in
   everything that distinguishes objects of its kind (`Kind.likeness`).

A name precedes a remembered id because the memory can be wrong: the server was restored from a backup or set up anew,
or the object was deleted and created again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from reconciler.kinds.codec import owner_of
from reconciler.kinds.field import Context, Kind, Mode, Raw
from reconciler.model.inventory import Resource
from reconciler.model.recall import Memory
from reconciler.model.value import UNKNOWN, differs, digest


def ident_of(seen: Raw) -> str:
    """The server's id of an object; empty if it shows none."""
    return str(seen.get("id", ""))


def wanted_key(kind: Kind, declared: Resource, name: str = "") -> str:
    """What identifies a declared object; with `name` what would if that was its name on the server."""
    return kind.wanted_key(name or str(declared.fields.get("name", declared.name)), declared.fields)


def is_like(kind: Kind, declared: Resource, shown: Callable[[str], Any], context: Context) -> bool:
    """Whether a live object is what is declared in everything that distinguishes objects of its kind. `shown` gives the
    live value of a field. False if one of the values is not known."""
    if not kind.likeness:
        return False
    for group in kind.likeness:
        said = [
            field
            for field in kind.fields
            if (field.name in group or (field.mode is Mode.CREATE_ONLY and field.name.partition(".")[0] in group))
            and field.in_version(context.rest)
            and declared.fields.get(field.name) not in (None, "", [], UNKNOWN)
        ]
        for field in said:
            value = shown(field.name)
            if value is UNKNOWN or differs(field.as_shown(declared.fields[field.name], context), value):
                return False
        if not said:
            return False
    return True


class Matcher:
    """Matches what a server lists of one kind with what is declared of it. `owner` is the name of the inventory.

    `named` are the objects that are matched by name already, by index; None matches by `Kind.live_key`."""

    def __init__(
        self,
        kind: Kind,
        declared: Sequence[Resource],
        listed: Sequence[Raw],
        context: Context,
        memory: Memory,
        owner: str,
        named: Mapping[int, Resource] | None = None,
    ) -> None:
        self._kind, self._declared, self.listed = kind, declared, listed
        self._context, self._memory, self._owner = context, memory, owner
        self.found: dict[int, Resource] = dict(named or {})
        """By index in `listed`, the declared object that a live one is."""
        self._certainties = _index(map(self._shown_certainty, listed))
        self._keys = _index(kind.live_key(seen, context) for seen in listed)
        self._ids = _index(ident_of(seen).lower() for seen in listed)
        by_names = (self._by_certainty, self._by_name, self._by_id, self._by_former_name)
        for step in by_names if named is None else (self._by_id,):
            self._take(step)

    def add_marked(self) -> None:
        """The last step: pairs of a declared and a marked object, if neither of them could be in another pair."""
        free = [
            index
            for index, seen in enumerate(self.listed)
            if index not in self.found
            and owner_of(seen) == self._owner
            and not self._memory.address_of(self._kind.name, ident_of(seen))
        ]
        pairs = [(index, item) for item in self.left() for index in free if self._is_marked(item, self.listed[index])]
        lives, wanted = Counter(index for index, _ in pairs), Counter(item.address for _, item in pairs)
        self.found |= {index: item for index, item in pairs if lives[index] == wanted[item.address] == 1}

    def left(self) -> list[Resource]:
        """The declared objects that are no live one so far."""
        done = {item.address for item in self.found.values()}
        return [item for item in self._declared if item.address not in done]

    def _take(self, step: Callable[[Resource], Iterable[int]]) -> None:
        for item in self.left():
            free = [index for index in step(item) if index not in self.found and self._may_be(item, index)]
            if free:
                self.found[min(free, key=lambda index: self._preference(item, self.listed[index]))] = item

    def _by_certainty(self, item: Resource) -> Iterable[int]:
        wanted = self._certainty(item)
        return self._certainties.get(wanted, ()) if wanted else ()

    def _by_name(self, item: Resource) -> Iterable[int]:
        key = wanted_key(self._kind, item)
        return self._keys.get(key, ()) if key or self._kind.singleton else ()

    def _by_id(self, item: Resource) -> Iterable[int]:
        known = self._memory.identities.get(item.address)
        return self._ids.get(known.id.lower(), ()) if known and known.id and self._may_be_renamed(item) else ()

    def _by_former_name(self, item: Resource) -> Iterable[int]:
        former = str(item.fields.get("formerly") or "")
        return self._keys.get(wanted_key(self._kind, item, former), ()) if former else ()

    def _is_marked(self, item: Resource, seen: Raw) -> bool:
        fields = {field.name: field for field in self._kind.fields}
        return is_like(self._kind, item, lambda name: fields[name].from_api(seen, self._context), self._context)

    def _preference(self, item: Resource, seen: Raw) -> tuple[bool, bool, str]:
        """Of several objects the remembered one, else one with the mark, else any, but always the same."""
        known, ident = self._memory.identities.get(item.address), ident_of(seen).lower()
        return known is None or known.id.lower() != ident, owner_of(seen) != self._owner, ident

    def _may_be(self, item: Resource, index: int) -> bool:
        """Nothing that identifies the object contradicts it."""
        seen = self.listed[index]
        wanted, shown = self._certainty(item), self._shown_certainty(seen)
        contradicted = bool(wanted and shown and wanted != shown)
        return not contradicted and self._kind.may_be(item.fields, seen, self._context)

    def _may_be_renamed(self, item: Resource) -> bool:
        """Whether another name on the server can only be a rename there. An object that cannot be renamed in place has
        another name because the inventory says another one since the last apply."""
        field = self._kind.name_field
        if field is None or field.on_put or self._kind.reference:
            return True
        applied = self._memory.applied.get(item.address, {}).get(field.name)
        return applied == digest(item.fields.get(field.name))

    def _certainty(self, item: Resource) -> str:
        return str(item.fields.get(self._kind.certain, "")).lower() if self._kind.certain else ""

    def _shown_certainty(self, seen: Raw) -> str:
        if not self._kind.certain:
            return ""
        shown = self._kind.field(self._kind.certain).from_api(seen, self._context)
        return shown.lower() if isinstance(shown, str) else ""


def _index(keys: Iterable[str]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        found[key].append(index)
    return found


def live_names(
    kind: Kind, listed: Sequence[Raw], found: Mapping[int, Resource], declared: Iterable[str], memory: Memory
) -> list[str]:
    """The names of live objects in addresses, in the order of `listed`: of what is `found` its name in the inventory,
    of any other the one that it had there at the last apply, else its name on the server. A name that is `declared`, or
    that several objects have, gets the id behind it."""
    taken = set(declared)
    own = {index: _own_name(kind, seen, taken, memory) for index, seen in enumerate(listed) if index not in found}
    shared = Counter(own.values())
    names = {index: item.name for index, item in found.items()}
    for index in sorted(own, key=lambda index: (own[index], ident_of(listed[index]))):
        ident, name = ident_of(listed[index]), own[index]
        names[index] = next(choice for choice in _choices(name, ident, shared[name] > 1) if choice not in taken)
        taken.add(names[index])
    return [names[index] for index in range(len(listed))]


def _choices(name: str, ident: str, is_shared: bool) -> Iterator[str]:
    """The names that an object can have here, the best one first."""
    if not is_shared:
        yield name
    yield from (f"{name} ({ident[:8]})", f"{name} ({ident})")
    yield from (f"{name} ({number})" for number in count(2))


def _own_name(kind: Kind, seen: Raw, declared: set[str], memory: Memory) -> str:
    if kind.singleton:
        return ""
    remembered = memory.address_of(kind.name, ident_of(seen)).partition(".")[2]
    if remembered and remembered not in declared:
        return remembered
    return str(seen.get("hostName") or seen.get("name") or ident_of(seen) or "?")
