"""Names and lists in sentences for people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any, Final

CREATE_FILE: Final = "Create it, or correct the path, which is relative to the folder of the inventory."
"""How to mend a file that an inventory names and that is not there."""
MAX_SHOWN: Final = 60
_MANY: Final = 500
_NUMBERS: Final = re.compile(r"[0-9]+")


def quoted(value: Any) -> str:
    """A name or value between backquotes: on one line, printable, not too long."""
    text = value if isinstance(value, str) else _spelled(value)
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[: MAX_SHOWN + 1])
    return f"`{text[:MAX_SHOWN]}…`" if len(text) > MAX_SHOWN else f"`{text}`"


def _spelled(value: Any) -> str:
    """As YAML spells it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(values: Iterable[Any], word: str = "and") -> str:
    """`a`, `b` and `c`."""
    texts = [quoted(value) for value in values]
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def suggestion(word: str, candidates: Collection[str]) -> str:
    """`Did you mean …?` with the nearest of the candidates, or nothing."""
    near = nearest(word, candidates)
    return f"Did you mean {quoted(near)}?" if near else ""


def nearest(word: str, candidates: Collection[str], *, cutoff: float = 0.7) -> str:
    """The candidate that `word` is most likely a misspelling of; empty if none has a similarity of `cutoff` (0 to 1).

    Comparing with each of many thousand names takes long, so of many only those that begin or end alike are tried.
    """
    lowered = word.casefold()
    if len(candidates) > _MANY:
        head, tail = lowered[:2], lowered[-4:]
        candidates = [
            name for name in candidates if name.casefold().startswith(head) and abs(len(name) - len(word)) < 3
        ]
        candidates = [name for name in candidates if name.casefold().endswith(tail)] or candidates[:_MANY]
    by_lowered: dict[str, str] = {}
    for name in candidates:
        if _other_number(lowered, name.casefold()):
            continue
        by_lowered.setdefault(name.casefold(), name)
    found = get_close_matches(lowered, by_lowered, n=1, cutoff=cutoff) or _longer(lowered, by_lowered)
    return by_lowered[found[0]] if found else ""


def _other_number(word: str, name: str) -> bool:
    """Whether both names have numbers, and not the same: `px-2` is not a misspelling of `px-4`, it is another proxy.
    Long numbers may have their digits mixed up (`sha265`)."""
    one, other = _NUMBERS.findall(word), _NUMBERS.findall(name)
    if one == other or not one or not other:
        return False
    mixed = [sorted(number) for number in one] == [sorted(number) for number in other]
    return not (mixed and min(map(len, one)) > 2)


def _longer(word: str, candidates: Iterable[str]) -> list[str]:
    """The one candidate that `word` is the beginning of."""
    found = [name for name in candidates if name.startswith(word)] if len(word) > 3 else []
    return found if len(found) == 1 else []
