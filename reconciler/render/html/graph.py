"""From the topology of a plan to the boxes of a picture: columns, pools around their proxies, crowds as counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.plan.topology import STATES

MOST = 60
"""Boxes of a column that are drawn one by one."""

COLUMNS = (
    ("Server", ("server", "certificate", "smtp")),
    ("Proxies", ("pool", "proxy")),
    ("Repositories", ("repository",)),
    ("Jobs", ("job", "copy_job")),
    ("Organizations", ("organization",)),
)
_KINDS = frozenset(kind for _, kinds in COLUMNS for kind in kinds)
_PLURAL = {"pool": "pools", "proxy": "proxies", "repository": "repositories", "job": "jobs", "copy_job": "copy jobs"}
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
        return min((self.state, *(box.state for box in self.inside)), key=STATES.index)


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    total: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """`edges` join addresses of boxes that are there, and no pool to a proxy inside of it."""

    columns: tuple[Column, ...]
    edges: tuple[tuple[str, str], ...]


def natural(text: str) -> list[tuple[str, int, str]]:
    """A key that sorts px-2 before px-10: words, and numbers by their length first."""
    parts = [*re.split(r"([0-9]+)", text), ""]
    numbers = [number.lstrip("0") for number in parts[1::2]]
    return [(word, len(number), number) for word, number in zip(parts[::2], numbers, strict=True)]


def state_words(state: str) -> str:
    return _WORDS[state]


@dataclass(slots=True)
class _Crowd:
    """Merges boxes that are too many, and remembers which box shows which address."""

    merged_into: dict[str, str] = field(default_factory=dict)

    def box_of(self, address: str) -> str:
        """The address of the box that shows `address`."""
        while address in self.merged_into:
            address = self.merged_into[address]
        return address

    def thinned(self, boxes: Sequence[Box], most: int, where: str) -> list[Box]:
        """At most about `most` boxes: the weightiest ones, and one for each state of the others."""
        if len(boxes) <= most:
            return list(boxes)
        ordered = sorted(boxes, key=lambda box: (STATES.index(box.weightiest), natural(box.address)))
        kept = [box for box in ordered if box.weightiest != "unchanged"][: max(1, most // 2)]
        crowds: dict[tuple[int, str], list[Box]] = {}
        for box in ordered:
            if box not in kept:
                crowds.setdefault((STATES.index(box.weightiest), box.kind), []).append(box)
        merged = [self._merged(crowd, where) for _, crowd in sorted(crowds.items())]
        return sorted(kept, key=lambda box: natural(box.address)) + merged

    def _merged(self, crowd: Sequence[Box], where: str) -> Box:
        first, count = crowd[0], len(crowd)
        if count == 1:
            return first
        state = first.weightiest
        merged = Box(f"{first.kind}:{state}:{where}", first.kind, "", state, count)
        for box in crowd:
            for part in (box, *box.inside):
                self.merged_into[part.address] = merged.address
        label = f"{count} {_PLURAL.get(first.kind, first.kind + 's')} {_WORDS[state]}"
        members = sum(part.count for box in crowd for part in box.inside)
        return replace(merged, label=f"{label} ({members} proxies)" if members else label)


def graph(topology: Mapping[str, Any], most: int = MOST) -> Graph:
    """The boxes and edges of `{"nodes": […], "edges": […]}`, in the order in which they are drawn."""
    boxes = {item["address"]: _box(item) for item in topology["nodes"] if item["kind"] in _KINDS}
    edges = [(start, end) for start, end in topology["edges"] if start in boxes and end in boxes]
    pooled = {end: start for start, end in edges if boxes[start].kind == "pool" and boxes[end].kind == "proxy"}
    crowd = _Crowd()
    columns = [_column(title, kinds, boxes.values(), pooled, crowd, most) for title, kinds in COLUMNS]
    between = ((crowd.box_of(start), crowd.box_of(end)) for start, end in edges if pooled.get(end) != start)
    joined = sorted({(start, end) for start, end in between if start != end})
    return Graph(tuple(_ordered(columns, joined)), tuple(joined))


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
            boxes = tuple(
                sorted(boxes, key=lambda box: (_mean(box.address, edges, rank), box.count > 1, natural(box.address)))
            )
        for place, part in enumerate(part for box in boxes for part in (box, *box.inside)):
            rank[part.address] = float(place)
        yield replace(column, boxes=boxes)


def _mean(address: str, edges: Sequence[tuple[str, str]], rank: Mapping[str, float]) -> float:
    before = [rank[start] for start, end in edges if end == address and start in rank]
    return sum(before) / len(before) if before else 0.0
