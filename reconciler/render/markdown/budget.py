"""Fitting sections into a number of characters: items are whole or absent, and what is absent is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SLACK = 64


@dataclass(frozen=True, slots=True)
class Section:
    """`head`, then `items` one after the other, then what `rest` says of those left out (their indices).

    `share` is the part of the room that is its own whatever the others need. Where `gaps` are allowed a big item is
    left out for smaller ones after it; else the items shown are the first ones.
    """

    head: str
    items: Sequence[str]
    rest: Callable[[Sequence[int]], str]
    share: float
    gaps: bool = False


def size(text: str) -> int:
    """Characters as the strictest place counts them: in units of UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitted(sections: Sequence[Section], room: int) -> str:
    """The sections in their order, in at most `room` characters: first each its share, then what is left over."""
    sections = [section for section in sections if section.items]
    room -= sum(_frame(section) for section in sections)
    sizes = [[size(item) for item in section.items] for section in sections]
    chosen: list[set[int]] = [set() for _ in sections]
    left = room
    for section, lengths, taken in zip(sections, sizes, chosen, strict=True):
        left -= _take(section, lengths, taken, min(left, int(room * section.share)))
    for section, lengths, taken in zip(sections, sizes, chosen, strict=True):
        left -= _take(section, lengths, taken, left)
    return "".join(_written(section, taken) for section, taken in zip(sections, chosen, strict=True))


def _frame(section: Section) -> int:
    """Room that a section needs around its items: its head, and the longest sentence about what is not there."""
    return size(section.head) + size(section.rest(range(len(section.items)))) + _SLACK


def _take(section: Section, lengths: Sequence[int], taken: set[int], room: int) -> int:
    spent = 0
    for index, length in enumerate(lengths):
        if index in taken:
            continue
        if spent + length <= room:
            taken.add(index)
            spent += length
        elif not section.gaps:
            break
    return spent


def _written(section: Section, taken: set[int]) -> str:
    absent = [index for index in range(len(section.items)) if index not in taken]
    shown = "".join(item for index, item in enumerate(section.items) if index in taken)
    head = section.head if shown else ""
    return f"{head}{shown}" + (f"\n{section.rest(absent)}\n" if absent else "")
