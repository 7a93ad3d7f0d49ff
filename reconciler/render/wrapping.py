"""Long lines broken between words, for a terminal, which breaks them anywhere."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Final, TextIO

_LOOK: Final = re.compile(r"\x1b\[[0-9;]*m")
_AHEAD: Final = re.compile(r"^((?:\x1b\[[0-9;]*m)+)( +)")
"""Looks before the blanks that a line begins with."""
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


def columns_of(text: str) -> int:
    """Columns that a terminal needs: wide characters take two, combining ones and looks none."""
    text = _LOOK.sub("", text)
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, width: int) -> str:
    """`text` with blanks up to `width` columns."""
    return text + " " * (width - columns_of(text))


def cut(text: str, width: int) -> str:
    """As much of the start of `text` as `width` columns hold."""
    kept = text[:width]
    while columns_of(kept) > width:
        kept = kept[:-1]
    return kept


def wrapped(text: str, width: int) -> str:
    """`text` with lines of at most `width` columns, as far as its words allow. Commands stay whole: they are pasted."""
    if width < _SHORTEST:
        return text
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` columns, cut between words."""
    if columns_of(text) <= width:
        return text
    kept = cut(text, max(width - 1, 0))
    return (kept.rpartition(" ")[0].rstrip(" ,") or kept[:-1]) + " …"


def _wrapped(line: str, width: int) -> str:
    if columns_of(line) <= width:
        return line
    ruled = _RULED.match(line)
    rule = ruled[0] if ruled else ""
    said = _AHEAD.sub(r"\2\1", line[len(rule) :])
    indent = len(said) - len(said.lstrip(" "))
    if _COMMAND.match(said) or (rule and indent):  # in a diagnostic also the source and what is below it
        return line
    hanging = "" if rule else " " * min(indent + (4 if indent else 2), width // 3)
    lines, last = [], rule + " " * indent
    for word in re.split(r"(?<=\S) ", said[indent:]):
        joined = last + word if last.endswith(" ") or not last else f"{last} {word}"
        if columns_of(joined) > width and last.strip() and last != rule:
            lines.append(last)
            joined = rule + hanging + word.lstrip(" ")
        last = joined
    return "\n".join([*lines, last])
