"""Hours of a week in which something is allowed: 168 flags of the API, from Sunday 00:00 on, to words and back.

Product facts: RESTBackupWindowSettings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

OFF: Final = "off"
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""In the order of the API."""
_DAY: Final = 24
_WEEK: Final = _DAY * len(_DAYS)
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "everyday": _DAYS,
    "workdays": _DAYS[1:6],
    "weekends": (_DAYS[6], _DAYS[0]),
}
_ALL, _NONE = "all", "none"
_RANGE: Final = re.compile(r"([01]?\d|2[0-4]):00\s*-\s*([01]?\d|2[0-4]):00")


def normalize_hours(value: Any) -> Any:
    """`off`, or hours by day with one spelling: `{workdays: 22:00-06:00}` to the ranges of each day. All hours of the
    week are no limit, so they are `off`."""
    if value == OFF:
        return OFF
    return words_of(hours_of(value))


def hours_of(value: Mapping[str, str]) -> list[bool]:
    """The flags of hours by day. A range that ends at its beginning or before it goes on into the next day."""
    flags = [False] * _WEEK
    for days, text in value.items():
        for day in _GROUPS.get(days, (days,)):
            first = _DAYS.index(day) * _DAY
            for begin, end in _ranges(text):
                for hour in range(begin, end):
                    flags[(first + hour) % _WEEK] = True
    return flags


def days_of(word: str) -> frozenset[str]:
    """The days that one word stands for."""
    return frozenset(_GROUPS.get(word, (word,)))


def allows_less(live: Any, wanted: Any) -> bool:
    """Whether something is not allowed in an hour in which it is wanted."""
    now, then = ([True] * _WEEK if value == OFF else _flags(value) for value in (live, wanted))
    return any(wants and not has for has, wants in zip(now, then, strict=False))


def _flags(value: Any) -> list[bool]:
    return hours_of(value) if isinstance(value, Mapping) else []


def words_of(flags: Sequence[bool]) -> Any:
    """`off` or hours by day. Raises KeyError if it is not one flag for each hour of a week."""
    if len(flags) != _WEEK:
        raise KeyError("backupWindow")
    if all(flags):
        return OFF
    by_day = {day: _text(flags[at * _DAY : (at + 1) * _DAY]) for at, day in enumerate(_DAYS)}
    for groups in (("everyday",), ("workdays", "weekends")):
        texts = {group: {by_day[day] for day in _GROUPS[group]} for group in groups}
        if all(len(found) == 1 for found in texts.values()):
            said = {group: found.pop() for group, found in texts.items()}
            return {group: text for group, text in said.items() if text != _NONE or len(said) == 1}
    return {day: by_day[day] for day in (*_DAYS[1:], _DAYS[0]) if by_day[day] != _NONE}


def _ranges(text: str) -> list[tuple[int, int]]:
    if text == _ALL:
        return [(0, _DAY)]
    if text == _NONE:
        return []
    found = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match:
            raise ValueError(f'{text!r} is not a range of full hours: write for example "22:00-06:00", all or none')
        begin, end = int(match[1]), int(match[2])
        found.append((begin, end if end > begin else end + _DAY))
    return found


def _text(flags: Sequence[bool]) -> str:
    edges = [at for at in range(_DAY + 1) if (at < _DAY and flags[at]) != (at > 0 and flags[at - 1])]
    return ", ".join(f"{begin:02}:00-{end:02}:00" for begin, end in zip(edges[::2], edges[1::2], strict=True)) or _NONE
