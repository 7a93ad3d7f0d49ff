"""From the topology of a plan to the boxes of a picture: columns, pools around their proxies, crowds as counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from reconciler.plan.topology import STATES

MOST = 24
"""Boxes of a column that are drawn one by one."""

COLUMNS = (
    ("Server", ("server", "certificate", "smtp")),
    ("Proxies", ("pool", "proxy")),
    ("Repositories", ("repository",)),
    ("Jobs", ("job", "copy_job")),
    ("Organizations", ("organization",)),
)
_FROM_SERVER = ("pool", "proxy", "repository", "job", "copy_job")
_BESIDE, _QUIET = len(STATES), len(STATES) + 1
_KINDS = frozenset(kind for _, kinds in COLUMNS for kind in kinds)
_PLURAL = {"pool": "pools", "proxy": "proxies", "repository": "repositories", "job": "jobs", "copy_job": "copy jobs"}
_ALONE = ("repository", "organization")
"""Kinds that have a separate column, whose title says what is counted."""
_WORDS = {
    "blocked": "blocked",
    "delete": "to delete",
    "replace": "to replace",
    "takeover": "to take over",
    "upgrade": "to upgrade",
    "create": "to create",
    "update": "to change",
    "adopt": "to adopt",
    "problem": "with a problem",
    "run": "to run",
    "unknown": "not observable",
    "unchanged": "in sync",
}


@dataclass(frozen=True, slots=True)
class Box:
    """One object, or `count` of them that are alike; a pool has its proxies `inside`."""

    address: str
    kind: str
    label: str
    state: str
    count: int = 1
    inside: tuple[Box, ...] = ()

    @property
    def weightiest(self) -> str:
        if not self.inside:
            return self.state
        return min((self.state, *(box.state for box in self.inside)), key=STATES.index)


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    total: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """`edges` join addresses of boxes that are there, and no pool to a proxy inside of it. `merged_into` has, for
    each object without a box, the box that shows it."""

    columns: tuple[Column, ...]
    edges: tuple[tuple[str, str], ...]
    merged_into: Mapping[str, str] = field(default_factory=dict)

    def box_of(self, address: str) -> str:
        """The address of the box that shows `address`."""
        while address in self.merged_into:
            address = self.merged_into[address]
        return address


def natural(text: str) -> list[tuple[str, int, str]]:
    """A key that sorts px-2 before px-10: words, and numbers by their length first."""
    parts = [*re.split(r"([0-9]+)", text), ""]
    numbers = [number.lstrip("0") for number in parts[1::2]]
    return [(word, len(number), number) for word, number in zip(parts[::2], numbers, strict=True)]


def state_words(state: str) -> str:
    return _WORDS[state]


@dataclass(frozen=True, slots=True)
class _Chains:
    """By address: what leads to it, and the organizations that it leads to. `beside_changes` are the neighbours of what
    changes."""

    before: Mapping[str, set[str]]
    organizations: Mapping[str, frozenset[str]]
    beside_changes: frozenset[str]


@dataclass(slots=True)
class _Crowd:
    """Merges boxes that are too many, and remembers which box shows which address.

    Boxes are merged where they are in one state and lead from the same boxes to the same organizations, so that an edge
    of the merged box is true of each of them. Where these are still too many, boxes of one state become one that is
    `loose`: it is a count, and has no edges.
    """

    chains: _Chains
    merged_into: dict[str, str] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)

    def box_of(self, address: str) -> str:
        """The address of the box that shows `address`."""
        while address in self.merged_into:
            address = self.merged_into[address]
        return address

    def thinned(self, boxes: Sequence[Box], most: int, where: str) -> list[Box]:
        """At most about `most` boxes: what changes and its neighbours first, the others merged."""
        if len(boxes) <= most:
            return list(boxes)
        ranks = {box.address: self._rank(box) for box in boxes}
        ordered = sorted(boxes, key=lambda box: (ranks[box.address], natural(box.address)))
        kept = [box for box in ordered if ranks[box.address] < _QUIET][: max(1, most // 2)]
        drawn = {box.address for box in kept}
        rest = [box for box in ordered if box.address not in drawn]
        crowds = self._grouped(rest, lambda box: (ranks[box.address], box.kind, *self._chain(box)))
        is_loose = len(kept) + len(crowds) > most
        if is_loose:
            crowds = self._grouped(rest, lambda box: (STATES.index(box.weightiest), box.kind))
        merged = [self._merged(crowd, f"{where}:{number}", is_loose) for number, crowd in enumerate(crowds)]
        return sorted(kept, key=lambda box: natural(box.address)) + merged

    def _rank(self, box: Box) -> int:
        """What has a problem comes first, then what changes, then what is next to it."""
        if box.weightiest == "problem":
            return -1
        if box.weightiest == "unchanged" and box.address in self.chains.beside_changes:
            return _BESIDE
        return STATES.index(box.weightiest) if box.weightiest != "unchanged" else _QUIET

    def _chain(self, box: Box) -> tuple[tuple[str, ...], tuple[str, ...]]:
        before = {self.box_of(address) for address in self.chains.before.get(box.address, ())}
        return tuple(sorted(before)), tuple(sorted(self.chains.organizations.get(box.address, ())))

    def _grouped(self, boxes: Sequence[Box], key: Callable[[Box], tuple[Any, ...]]) -> list[list[Box]]:
        groups: dict[tuple[Any, ...], list[Box]] = {}
        for box in boxes:
            groups.setdefault(key(box), []).append(box)
        return [group for _, group in sorted(groups.items())]

    def _merged(self, crowd: Sequence[Box], where: str, is_loose: bool) -> Box:
        first, count = crowd[0], len(crowd)
        if count == 1:
            return first
        state = first.weightiest
        merged = Box(f"{first.kind}:{state}:{where}", first.kind, "", state, count)
        if is_loose:
            self.loose.add(merged.address)
        for box in crowd:
            for part in (box, *box.inside):
                self.merged_into[part.address] = merged.address
        named = "" if first.kind in _ALONE else f" {plural(first.kind)}"
        label = f"{count}{named} {_WORDS[state]}"
        members = sum(part.count for box in crowd for part in box.inside)
        return replace(merged, label=f"{label} ({members} proxies)" if members else label)


def plural(kind: str) -> str:
    return _PLURAL.get(kind, f"{kind.replace('_', ' ')}s")


def graph(topology: Mapping[str, Any], most: int = MOST) -> Graph:
    """The boxes and edges of `{"nodes": […], "edges": […]}`, in the order in which they are drawn."""
    boxes = {item["address"]: _box(item) for item in topology["nodes"] if item["kind"] in _KINDS}
    edges = [(start, end) for start, end in topology["edges"] if start in boxes and end in boxes]
    pooled = {end: start for start, end in edges if boxes[start].kind == "pool" and boxes[end].kind == "proxy"}
    crowd = _Crowd(_chains(boxes, edges))
    columns = [_column(title, kinds, boxes.values(), pooled, crowd, most) for title, kinds in COLUMNS]
    between = ((crowd.box_of(start), crowd.box_of(end)) for start, end in edges if pooled.get(end) != start)
    joined = {(start, end) for start, end in between if start != end and not {start, end} & crowd.loose}
    return Graph(tuple(_ordered(columns, sorted(joined))), tuple(sorted(joined)), crowd.merged_into)


def _chains(boxes: Mapping[str, Box], edges: Sequence[tuple[str, str]]) -> _Chains:
    before: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    for start, end in edges:
        if boxes[start].kind != "server":
            before.setdefault(end, set()).add(start)
            after.setdefault(start, set()).add(end)
    organizations: dict[str, frozenset[str]] = {}
    for kind in ("organization", *reversed(_FROM_SERVER)):  # whatever leads on is known before what leads to it
        for address in [box.address for box in boxes.values() if box.kind == kind]:
            own = {address} if kind == "organization" else set()
            further = (organizations.get(end, frozenset()) for end in after.get(address, ()))
            organizations[address] = frozenset(own.union(*further))
    changed = [box.address for box in boxes.values() if box.state != "unchanged"]
    beside = {other for address in changed for other in (*before.get(address, ()), *after.get(address, ()))}
    return _Chains(before, organizations, frozenset(beside))


def _box(item: Mapping[str, Any]) -> Box:
    return Box(item["address"], item["kind"], item["label"], item["state"])


def _column(
    title: str, kinds: Sequence[str], boxes: Iterable[Box], pooled: Mapping[str, str], crowd: _Crowd, most: int
) -> Column:
    members = sorted(
        (box for box in boxes if box.kind in kinds), key=lambda box: (kinds.index(box.kind), natural(box.address))
    )
    if "proxy" in kinds:
        total = sum(1 for box in members if box.kind == "proxy")
        return Column(title, total, tuple(_proxies(members, pooled, crowd, most)))
    return Column(title, len(members), tuple(crowd.thinned(members, most, title)))


def _proxies(members: Sequence[Box], pooled: Mapping[str, str], crowd: _Crowd, most: int) -> list[Box]:
    """Pools with their proxies inside, then the proxies that are in none."""
    pools = [box for box in members if box.kind == "pool"]
    alone = [box for box in members if box.kind == "proxy" and box.address not in pooled]
    many = len(members) > most
    full = []
    for pool in pools:
        inside = [box for box in members if pooled.get(box.address) == pool.address]
        if many:
            inside = crowd.thinned(inside, max(4, most // (2 * len(pools))), pool.address)
        full.append(replace(pool, inside=tuple(inside)))
    if many:
        full, alone = crowd.thinned(full, most // 3, "pools"), crowd.thinned(alone, most // 2, "proxies")
    return full + alone


def _ordered(columns: Sequence[Column], edges: Sequence[tuple[str, str]]) -> Iterable[Column]:
    """Each column in the order of what leads to it, so that few edges cross."""
    rank: dict[str, float] = {}
    for number, column in enumerate(columns):
        boxes = column.boxes
        if number > 1:
            boxes = tuple(sorted(boxes, key=lambda box: (_mean(box, edges, rank), box.count > 1, natural(box.address))))
        for place, part in enumerate(part for box in boxes for part in (box, *box.inside)):
            rank[part.address] = float(place)
        yield replace(column, boxes=boxes)


def _mean(box: Box, edges: Sequence[tuple[str, str]], rank: Mapping[str, float]) -> float:
    """The mean place of what leads to a box; a count that nothing leads to comes last."""
    before = [rank[start] for start, end in edges if end == box.address and start in rank]
    return sum(before) / len(before) if before else inf if box.count > 1 else 0.0
