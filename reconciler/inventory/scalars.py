"""Plain scalars of YAML to values: the core schema of YAML 1.2, a little stricter.

`yes`, `on`, `22:00`, `2026-01-31` and `0123` stay text, so nothing turns into a number or a date behind one's back.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?")
_TAGGED: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (int, float),
    "int": (int,),
    "null": (type(None),),
}
_NUMBER_STARTS = frozenset("0123456789+-.")


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted, untagged) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and not _is_padded(text):
        value = float(text)
        return int(value) if value.is_integer() else value
    return text


def _is_padded(text: str) -> bool:
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


class Resolved(dict[str, Scalar]):
    """Remembers what was resolved: inventories repeat themselves."""

    def __missing__(self, text: str) -> Scalar:
        value = self[text] = resolve(text)
        return value


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with one of YAML's own tags. Raises ValueError where tag and text do not fit."""
    short = tag.removeprefix("tag:yaml.org,2002:")
    if short in ("str", "!"):
        return text
    value = resolve(text)
    wanted = _TAGGED.get(short)
    if wanted is None:
        raise ValueError("only the tags !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are read")
    if type(value) not in wanted:
        raise ValueError(f"the tag says !!{short}, and the value is something else")
    return value
