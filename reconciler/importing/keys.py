"""Names of entries in an inventory: short, unique whatever the letter case, and valid as the schema wants them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from reconciler.kinds.hosts import ascii_host, is_address
from reconciler.model.address import Address
from reconciler.model.inventory import LOCAL
from reconciler.model.live import LiveResource

_HANDLE: Final = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST: Final = 80
"""Characters of a key; a longer name is that of the object only."""

Choices = Callable[[LiveResource], Sequence[str]]


def short_host(host: str) -> str:
    """`px1` of `px1.corp.example.com`, an address as it is."""
    return host if is_address(host) else host.partition(".")[0]


def handle(text: str) -> str:
    """A text as a key that holds letters, digits, dots, hyphens and underscores only; letters lose their accents."""
    return _HANDLE.sub("-", _without_accents(text)).strip("._-")[:LONGEST].strip("._-")


def _without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def label(text: str) -> str:
    """A text as a key that may hold anything that can be printed, without blanks at its ends."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:LONGEST].strip()


def _of_proxy(live: LiveResource) -> Sequence[str]:
    host = _without_accents(str(live.fields["host"]))
    host = ascii_host(host if host.isascii() else str(live.fields["host"]))
    return (handle(short_host(host)), handle(host))


def _of_job(live: LiveResource) -> Sequence[str]:
    name, organization = label(str(live.fields["name"])), str(live.fields["organization"])
    longer = [label(f"{part}-{name or live.kind}") for part in (short_host(organization), organization)]
    return (name, *longer)


def _name(live: LiveResource) -> str:
    """The name on the server; that of an address may have an id behind it."""
    return str(live.fields["name"])


def _of_copy_job(live: LiveResource) -> Sequence[str]:
    return (label(f"{live.fields['job']} copy"),)


def _of_pool(live: LiveResource) -> Sequence[str]:
    """A proxy and a pool cannot have one name in an inventory."""
    return (label(_name(live)), label(f"{_name(live)} pool"))


def _of_any(live: LiveResource) -> Sequence[str]:
    return (label(_name(live)),)


_CHOICES: Final[Mapping[str, Choices]] = {
    "copy_job": _of_copy_job,
    "job": _of_job,
    "pool": _of_pool,
    "proxy": _of_proxy,
}
"""By kind, the names of an entry, the best one first."""


def name_entries(objects: Mapping[Address, LiveResource], taken: Collection[str]) -> dict[Address, str]:
    """The keys of objects of one kind. `taken` are names that entries have already. Objects with the same best name
    all get their next best name; a number distinguishes those that no name does."""
    used = {name.casefold() for name in taken} | {""}
    found: dict[Address, str] = {}
    left = {where: list(_choices(live)) for where, live in objects.items()}
    for level in range(max((len(choices) for choices in left.values()), default=0)):
        groups: dict[str, list[Address]] = defaultdict(list)
        for where, choices in left.items():
            if level < len(choices):
                groups[choices[level].casefold()].append(where)
        for name, group in groups.items():
            if len(group) == 1 and name not in used:
                found[group[0]] = left.pop(group[0])[level]
                used.add(name)
    for where, choices in sorted(left.items()):
        found[where] = _numbered(choices[0], where.partition(".")[0], used)
    return found


def _choices(live: LiveResource) -> Sequence[str]:
    if live.kind == "proxy" and live.proxy.is_local:
        return (LOCAL,)
    return [name for name in _CHOICES.get(live.kind, _of_any)(live) if name != LOCAL or live.kind != "proxy"] or [""]


def _numbered(name: str, kind: str, used: set[str]) -> str:
    stem = name or kind
    choices = (stem, *(f"{stem}-{number}" for number in range(2, len(used) + 3)))
    found = next(choice for choice in choices if choice.casefold() not in used)
    used.add(found.casefold())
    return found
