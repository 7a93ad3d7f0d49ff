"""Values of fields on one line, like YAML, with quotes only where a value would be ambiguous."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.render.style import clean

LONG = 100
_NUMBER = re.compile(r"^[-+]?\d[\d_]*(\.\d*)?([eE][-+]?\d+)?$")
_WORDS = frozenset({"", "null", "true", "false", "~", "?"})
_MISTAKABLE = re.compile(r"^[\s\"'\[{#&*!|>%@`-]|\s$|: |:$| #|->")
_IN_FLOW = re.compile(r"[,\[\]{}]")


def text_of(value: Any, *, inside: bool = False) -> str:
    """One value on one line. `inside` a list or a map, commas and brackets need quotes too."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value, inside=inside)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{clean(str(key))}: {text_of(item, inside=True)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(text_of(item, inside=True) for item in value) + "]"
    return clean(str(value))


def _string(value: str, *, inside: bool) -> str:
    ambiguous = value in _WORDS or _NUMBER.match(value) or _MISTAKABLE.search(value)
    if ambiguous or (inside and _IN_FLOW.search(value)):
        return '"' + clean(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    return clean(value)


def change_text(before: Any, after: Any) -> str:
    """`before -> after`; two long lists as what is added and removed."""
    plain = f"{text_of(before)} -> {text_of(after)}"
    if len(plain) <= LONG or not (isinstance(before, list) and isinstance(after, list)):
        return plain
    left, right = [text_of(item, inside=True) for item in before], [text_of(item, inside=True) for item in after]
    known, wanted = set(left), set(right)
    added = [f"+{item}" for item in right if item not in known]
    removed = [f"-{item}" for item in left if item not in wanted]
    same = sum(1 for item in right if item in known)
    return " ".join([*added, *removed, f"({same} the same)"]) if added or removed else plain
