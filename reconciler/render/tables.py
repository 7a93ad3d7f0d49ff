"""Columns as wide as their widest cell, except the last one."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.render.style import clean
from reconciler.render.wrapping import columns_of, padded


def columns(rows: Sequence[Sequence[str]], *, indent: str = "  ", gap: str = "  ") -> list[str]:
    """`rows` of equal length as lines. The first row may be a header; cells are shown without control characters."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(columns_of, column)) for column in zip(*cells, strict=True)]
    return [
        (indent + gap.join(padded(cell, width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in cells
    ]
