"""Where the boxes of the wide picture stand. Coordinates are in pixels of a picture that is 1160 wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.render.html.graph import Box, Column, Graph

WIDTH = 1160
HEAD = 40
"""Room above the boxes, for the titles of the columns."""

ROW, GAP, FRAME_GAP, INDENT, FRAME_FOOT = 26, 6, 12, 8, 8
_SERVER_WIDTH, _BOX_WIDTH = 164, 200
_STEP = (WIDTH - _SERVER_WIDTH - 4 * _BOX_WIDTH) / 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A box and its rectangle. A pool is as high as its frame; `anchor` is the height at which edges arrive."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    anchor: float


@dataclass(frozen=True, slots=True)
class Layout:
    """`placed` by address: frames of pools before what is inside of them."""

    columns: tuple[tuple[Column, float], ...]
    placed: Mapping[str, Placed]
    height: float


def layout(graph: Graph) -> Layout:
    placed: dict[str, Placed] = {}
    heights = [_height(column) for column in graph.columns]
    bottom = max(HEAD + height for height in heights)
    columns = []
    for number, column in enumerate(graph.columns):
        x = 0.0 if number == 0 else _SERVER_WIDTH + _STEP + (number - 1) * (_BOX_WIDTH + _STEP)
        columns.append((column, x))
        wanted = _wanted(column, graph.edges, placed) if number > 1 else [float(HEAD)] * len(column.boxes)
        width = _SERVER_WIDTH if number == 0 else _BOX_WIDTH
        for box, y in zip(column.boxes, _spread(column.boxes, wanted, bottom), strict=True):
            _place(box, x, y, width, placed)
    return Layout(tuple(columns), placed, bottom + 2)


def _box_height(box: Box) -> float:
    return ROW + GAP + len(box.inside) * (ROW + GAP) + FRAME_FOOT - GAP if box.inside else ROW


def _gap(box: Box) -> float:
    return FRAME_GAP if box.inside else GAP


def _height(column: Column) -> float:
    return sum(_box_height(box) + _gap(box) for box in column.boxes)


def _wanted(column: Column, edges: Sequence[tuple[str, str]], placed: Mapping[str, Placed]) -> list[float]:
    """For each box the height at which its edges would run level."""
    tops = []
    for box in column.boxes:
        before = [placed[start].anchor for start, end in edges if end == box.address and start in placed]
        tops.append(sum(before) / len(before) - ROW / 2 if before else float(HEAD))
    return tops


def _spread(boxes: Sequence[Box], wanted: Sequence[float], bottom: float) -> list[float]:
    """Tops near those wanted, in the given order, without overlaps and above `bottom`."""
    tops: list[float] = []
    free = float(HEAD)
    for box, top in zip(boxes, wanted, strict=True):
        tops.append(max(top, free))
        free = tops[-1] + _box_height(box) + _gap(box)
    limit = bottom
    for index in range(len(boxes) - 1, -1, -1):
        tops[index] = min(tops[index], limit - _box_height(boxes[index]))
        limit = tops[index] - (_gap(boxes[index - 1]) if index else 0)
    return tops


def _place(box: Box, x: float, y: float, width: float, placed: dict[str, Placed]) -> None:
    placed[box.address] = Placed(box, x, y, width, _box_height(box), y + ROW / 2)
    for number, member in enumerate(box.inside):
        top = y + ROW + GAP + number * (ROW + GAP) - GAP / 2
        placed[member.address] = Placed(member, x + INDENT, top, width - 2 * INDENT, ROW, top + ROW / 2)
