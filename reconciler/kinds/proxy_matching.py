"""Which live proxy is which declared one: one machine has several names, and either side may use any of them.

A proxy is registered by DNS name, NetBIOS name or address (facts, 2.2 and 14); REST shows its `fqdn` from v7 on. Names
are compared in passes, the most certain first. What is not one to one in a pass is ambiguous, and left to a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from reconciler.kinds.hosts import ascii_host, is_address

_NETBIOS: Final = 15
"""Windows truncates NetBIOS names to this many characters."""


@dataclass(frozen=True, slots=True)
class Names:
    """What one proxy is called: `host` as it is declared or registered, `more` what else it is known by (its fqdn, its
    declared address and the name that it proves), in lower case. `observed` gives the names that its host reports; it
    may have to wait for them."""

    host: str = ""
    more: frozenset[str] = frozenset()
    observed: Callable[[], Iterable[str]] = tuple

    @classmethod
    def of(cls, host: str, more: Iterable[str] = (), observed: Callable[[], Iterable[str]] = tuple) -> Names:
        return cls(normal(host), frozenset(normal(name) for name in more if name), observed)


@dataclass(frozen=True, slots=True)
class Matches:
    """`found` has the declared name of each live proxy, by index; `ambiguous` are groups of declared names and the live
    proxies that each of them may be."""

    found: dict[int, str] = field(default_factory=dict)
    ambiguous: list[tuple[tuple[str, ...], tuple[int, ...]]] = field(default_factory=list)


@lru_cache(maxsize=65536)
def normal(name: str) -> str:
    """The one spelling of a name or address."""
    text = ascii_host(name).lower()
    return str(ip_address(text)) if ":" in text and is_address(text) else text


def same(one: str, other: str) -> bool:
    """Whether two names are those of one machine, as far as the names say."""
    first, second = normal(one), normal(other)
    if first[:1] != second[:1] or _label(first) != _label(second):
        return False
    return _by_host(Names(first), Names(second)) or _by_netbios(Names(first), Names(second))


def match(declared: Mapping[str, Names], live: Sequence[Names]) -> Matches:
    """Each declared proxy with at most one live one, and the reverse."""
    result = Matches()
    names, indices = dict(declared), dict(enumerate(live))
    for alike in (_by_host, _by_address, _by_netbios, _by_report):
        for wanted, there in _groups(names, indices, alike):
            if len(wanted) == len(there) == 1:
                result.found[there[0]] = wanted[0]
            else:
                result.ambiguous.append((wanted, there))
            for name in wanted:
                del names[name]
            for index in there:
                del indices[index]
    unplaced = tuple(sorted(name for name, wanted in names.items() if not _has_address(wanted)))
    nameless = (index for index, seen in sorted(indices.items()) if is_address(seen.host) and not any(_full(seen)))
    result.ambiguous.extend((unplaced, (index,)) for index in nameless if unplaced)
    return result


_Pair = Callable[[Names, Names], bool]
_Group = tuple[tuple[str, ...], tuple[int, ...]]


def _groups(declared: Mapping[str, Names], live: Mapping[int, Names], alike: _Pair) -> list[_Group]:
    """The declared and live proxies that are connected by being alike, in order of the declared names."""
    there = _alike(declared, live, alike)
    wanted: dict[int, set[str]] = defaultdict(set)
    for name, found in there.items():
        for index in found:
            wanted[index].add(name)
    groups: list[_Group] = []
    done: set[str] = set()
    for first in sorted(there):
        if first in done:
            continue
        names, indices = {first}, set[int]()
        while more := {index for name in names for index in there[name]} - indices:
            indices |= more
            names |= {name for index in more for name in wanted[index]}
        done |= names
        groups.append((tuple(sorted(names)), tuple(sorted(indices))))
    return groups


def _alike(declared: Mapping[str, Names], live: Mapping[int, Names], alike: _Pair) -> dict[str, set[int]]:
    """The live proxies that each declared one is like. Names are alike only if their first labels are."""
    labels: dict[str, list[int]] = defaultdict(list)
    for index, seen in live.items():
        for label in {_label(name) for name in (seen.host, *seen.more)}:
            labels[label].append(index)
    found: dict[str, set[int]] = {}
    for name, wanted in declared.items() if live else ():
        reported = wanted.observed() if alike is _by_report else ()
        near = {_label(normal(text)) for text in (wanted.host, *wanted.more, *reported)}
        there = {index for label in near for index in labels.get(label, ()) if alike(wanted, live[index])}
        found |= {name: there} if there else {}
    return found


def _has_address(declared: Names) -> bool:
    """Whether an address of it is known: then no other address is taken for it."""
    return any(map(is_address, (declared.host, *declared.more)))


def _label(name: str) -> str:
    return name if is_address(name) else name.partition(".")[0][:_NETBIOS]


def _by_host(declared: Names, live: Names) -> bool:
    return bool(declared.host) and declared.host in (live.host, *_full(live))


def _by_address(declared: Names, live: Names) -> bool:
    return bool(declared.more & {live.host, *_full(live)})


def _by_netbios(declared: Names, live: Names) -> bool:
    """One of the two has the short name only. Two full names that differ are two machines."""
    full = {name for name in _full(live) if "." in name and not is_address(name)}
    if "." in declared.host and full:
        return False
    return _short(declared.host, live.host) or any(_short(declared.host, name) for name in live.more)


def _by_report(declared: Names, live: Names) -> bool:
    """The host of the declared one reports a name of the live one."""
    reported = {normal(name) for name in declared.observed()} - {""}
    if reported & {live.host, *_full(live)}:
        return True
    return "." not in live.host and any(_short(name, live.host) for name in reported)


def _full(live: Names) -> Iterator[str]:
    return (name for name in live.more if name and not name.startswith("localhost"))


def _short(one: str, other: str) -> bool:
    """Whether one of two names is the short form of the other, or both are short and equal."""
    if not one or not other or is_address(one) or is_address(other) or ("." in one and "." in other):
        return False
    short, label = sorted((one.partition(".")[0], other.partition(".")[0]), key=len)
    return short == (label[:_NETBIOS] if len(short) == _NETBIOS else label)
