"""From the objects of a server to the files of an inventory, new or with what is new in them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.importing.entries import Entry, Keys, LiveObjects, Omission, draft, keys_of, omissions_of
from reconciler.importing.files import FILL_IN, Content, Files, added_files, login_lines, new_files
from reconciler.importing.hosts import HostScan
from reconciler.importing.logins import Answer, Logins, class_of
from reconciler.importing.sharing import Layers, inherit, share
from reconciler.inventory.layers import flatten
from reconciler.kinds import KINDS
from reconciler.model.address import Address


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person decides: the `layout`, the accounts of classes of proxies (`answers`), those of single hosts, and
    whether hosts are `visited`; and what hosts showed that were `scanned`, by normal name."""

    layout: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    visited: bool = False
    scanned: Mapping[str, HostScan] = field(default_factory=dict)

    def logins(self, entries: Mapping[str, Any]) -> Logins:
        return Logins(dict(entries), self.answers, self.hosts, self.visited, self.scanned)


@dataclass(frozen=True, slots=True)
class Existing:
    """An inventory that an import wrote before: its `files`, the `main` one, its merged document (`root`), and the
    addresses of what it declares."""

    files: Files
    main: str
    root: Mapping[str, Any]
    declared: Collection[str]


@dataclass(frozen=True, slots=True)
class Composed:
    """`live_of` has the live address of each object in the files, by its address there."""

    files: Files
    live_of: Mapping[str, Address]
    in_part: tuple[Omission, ...]


def compose_new(
    rest: int,
    name: str,
    base: Mapping[str, Any],
    live: LiveObjects,
    wishes: Wishes,
    unsaid: Collection[Omission] = (),
    *,
    shared: bool = True,
) -> Composed:
    """A new inventory. `base` are its sections that say how the server is reached; fields that are `unsaid`, by live
    address, are left out. What most objects have in common stands once if it is `shared`."""
    logins = wishes.logins(base["credentials"])
    keys = keys_of(live, (), {})
    entries = draft(rest, live, keys, live.keys(), logins, unsaid)
    layers = share(entries, _class_of) if shared else Layers()
    content = Content.of(entries)
    base = {**base, "credentials": _used(logins, base, entries, layers)}
    files = new_files(name, base, layers, content, layout=wishes.layout, guessed=logins.guessed)
    return _composed(files, rest, live, keys, unsaid)


def compose_added(
    rest: int, existing: Existing, live: LiveObjects, wishes: Wishes, unsaid: Collection[Omission] = ()
) -> Composed:
    """The same with what is new in it. Raises NotInserted."""
    root = existing.root
    logins = wishes.logins(root.get("credentials", {}))
    keys = keys_of(live, existing.declared, {name: found for name, found in root.items() if isinstance(found, Mapping)})
    entries = draft(rest, live, keys, [where for where in live if where not in existing.declared], logins, unsaid)
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind.name].append(entry)
    inherit(by_kind, _layers_of(root), _class_of)
    new = list(login_lines(logins.made, logins.guessed))
    files = added_files(existing.files, existing.main, root.get("include", ()), Content.of(entries), new)
    return _composed(files, rest, live, keys, unsaid)


def _composed(files: Files, rest: int, live: LiveObjects, keys: Keys, unsaid: Collection[Omission]) -> Composed:
    live_of = {f"{where.partition('.')[0]}.{key}" if key else where: where for where, key in keys.items()}
    here = {where: address for address, where in live_of.items()}
    left_out = [Omission(here[Address(item.address)], item.field, item.reason) for item in unsaid]
    return Composed(files, live_of, tuple(sorted((*omissions_of(rest, live, keys), *left_out))))


def _class_of(entry: Entry) -> str:
    return class_of(entry.live)


def _layers_of(root: Mapping[str, Any]) -> Layers:
    defaults = {
        kind: flatten(KINDS[kind].section, found) for kind, found in root.get("defaults", {}).items() if kind in KINDS
    }
    return Layers(defaults, {name: flatten("proxies", found) for name, found in root.get("groups", {}).items()})


def _used(logins: Logins, base: Mapping[str, Any], entries: Iterable[Entry], layers: Layers) -> dict[str, Any]:
    """The logins that something names."""
    named = {base["server"].get("credentials"), base["server"].get("powershell", {}).get("credentials")}
    named |= {jump.get("credentials") for jump in base.get("jump_hosts", {}).values()}
    values = [entry.said for entry in entries] + [*layers.defaults.values(), *layers.groups.values()]
    named |= {value for said in values for path, value in said.items() if path.rpartition(".")[2] == "credentials"}
    return {name: entry for name, entry in logins.entries.items() if name in named}


def to_fill_in(files: Files) -> list[str]:
    """The logins below a note that says to fill them in."""
    found = []
    for _, text in sorted(files.items()):
        lines = text.splitlines()
        found += [below.strip().partition(":")[0] for note, below in itertools.pairwise(lines) if FILL_IN in note]
    return found
