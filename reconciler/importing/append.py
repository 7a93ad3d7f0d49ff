"""Adds entries to the text of an inventory and leaves the rest as it is, byte for byte.

Lines are inserted: a parser that writes the file anew would keep comments, but not every blank and quote that a person
chose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from reconciler.model.errors import ReconcileError

_INDENT: Final = "  "
_LINE: Final = re.compile("[^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029]|$)")
"""A line with its end, as YAML counts them."""


class NotInserted(ReconcileError):
    """A section to which no line can be added; the message says why."""


def insert(text: str, section: str, body: Sequence[str]) -> str:
    """`text` with the lines of new entries at the end of a section, which begins after the last one if it is not there
    yet. `body` is indented by two blanks. Raises NotInserted."""
    import yaml

    root: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = [line for line in _LINE.findall(text) if line]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    at = next((number for number, (key, _) in enumerate(root.value) if key.value == section), None)
    if at is None:
        return "".join([*lines, end, f"{section}:{end}", *(line + end for line in body)])
    indent, last = _place(section, *root.value[at])
    following = root.value[at + 1][0].start_mark.line if at + 1 < len(root.value) else len(lines)
    last = max(last, _last_said(lines, following))
    lines[last + 1 : last + 1] = [indent + line.removeprefix(_INDENT) + end for line in body]
    return "".join(lines)


def _place(section: str, key: Any, value: Any) -> tuple[str, int]:
    """The indentation of the entries of a section, and the line of the last one."""
    if value.id == "scalar" and not value.value:
        return _INDENT, int(key.end_mark.line)
    if value.id != "mapping":
        raise NotInserted(f"`{section}` is not a map of entries")
    if value.flow_style:
        raise NotInserted(f"`{section}` is written on one line, in braces: write each entry on a line of its own")
    return " " * value.value[0][0].start_mark.column, _last_line(value)


def _last_said(lines: Sequence[str], following: int) -> int:
    """The last line before another section that is neither blank nor a comment."""
    while following and (not lines[following - 1].strip() or lines[following - 1].lstrip().startswith("#")):
        following -= 1
    return following - 1


def _last_line(node: Any) -> int:
    """The last line of a value. An alias has the place of what it stands for, which is above."""
    if node.id == "mapping" and not node.flow_style:
        return max(max(int(key.end_mark.line), _last_line(value)) for key, value in node.value)
    if node.id == "sequence" and not node.flow_style:
        return max(map(_last_line, node.value))
    mark = node.end_mark
    if node.id == "scalar" and node.style in ("|", ">") and mark.column == 0:
        return int(mark.line) - 1
    return int(mark.line)
