"""Long lines broken between words, for a terminal, which breaks them anywhere."""

from __future__ import annotations

import os
import re
from typing import Final, TextIO

_LOOK: Final = re.compile(r"\x1b\[[0-9;]*m")
_RULED: Final = re.compile(r"(?:\x1b\[[0-9;]*m)*[│|](?:\x1b\[[0-9;]*m)* ")
_COMMAND: Final = re.compile(r" +(?:curl|eval|export|git|pip|pipx|python3|sudo|ssh-\w+|vbo-reconcile) ")
_SHORTEST: Final = 40
"""Columns of a terminal from which on its lines are broken."""


def width_of(stream: TextIO) -> int:
    """The columns of the terminal that `stream` is; 0 if it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return 0


def wrapped(text: str, width: int) -> str:
    """`text` with lines of at most `width` columns, as far as its words allow. Commands stay whole: they are pasted."""
    if width < _SHORTEST:
        return text
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` columns, cut between words."""
    if len(text) <= width:
        return text
    kept = text[: max(width - 1, 0)]
    return (kept.rpartition(" ")[0].rstrip(" ,") or kept[:-1]) + " …"


def _wrapped(line: str, width: int) -> str:
    if len(line) <= width or _columns(line) <= width:
        return line
    ruled = _RULED.match(line)
    rule = ruled[0] if ruled else ""
    said = line[len(rule) :]
    indent = len(said) - len(said.lstrip(" "))
    if _COMMAND.match(said) or (rule and indent):  # in a diagnostic also the source and what is below it
        return line
    hanging = "" if rule else " " * min(indent + (4 if indent else 2), width // 3)
    lines, last = [], rule + " " * indent
    for word in re.split(r"(?<=\S) ", said[indent:]):
        joined = last + word if last.endswith(" ") or not last else f"{last} {word}"
        if _columns(joined) > width and last.strip() and last != rule:
            lines.append(last)
            joined = rule + hanging + word.lstrip(" ")
        last = joined
    return "\n".join([*lines, last])


def _columns(text: str) -> int:
    return len(_LOOK.sub("", text))
