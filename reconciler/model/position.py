"""Where something was said: a file, a line and a column, all counted from 1."""

from __future__ import annotations

import posixpath
from typing import NamedTuple


class Position(NamedTuple):
    """A place in a file of an inventory, or in one beside it, such as a list of known drift. `file` is relative to the
    folder of the inventory, with forward slashes."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def joined(folder: str, file: str) -> str:
    """The file of a position, where the folder of its inventory is called `folder`. Empty without a file."""
    return posixpath.normpath(posixpath.join(folder, file)) if file else ""
