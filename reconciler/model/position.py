"""Where something was said: a file, a line and a column, all counted from 1."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place in an inventory file. `file` is relative to the folder of the inventory, with forward slashes."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
