"""Counts the steps that a backtracking matcher needs for a regular expression: `re` itself does not count.

It matches as `re` does, without its shortcuts: what grows with the square of the text there does so here. The texts to
count with are made from the expression: parts of what it matches, repeated, and an end that does not fit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

_parser = import_module("re._parser")
_END = "\0"
_ALPHABET = " a0A\t\n" + "".join(map(chr, range(33, 127)))

Then = Callable[[int], bool]


class TooManySteps(Exception):
    """More steps than were allowed."""


class Matcher:
    def __init__(self, pattern: str, flags: int, text: str, most: int) -> None:
        self.steps = 0
        self._text = text
        self._most = most
        self._parsed: Sequence[Any] = _parser.parse(pattern, flags)
        self._flags = flags
        self._known: dict[tuple[int, int, str], bool] = {}

    def search(self, *, anchored: bool, whole: bool) -> None:
        """All attempts: at the start only if `anchored`, else at every place until one fits."""
        for start in range(1 if anchored else len(self._text) + 1):
            if self._run(self._parsed, 0, start, lambda i: not whole or i == len(self._text)):
                return

    def _run(self, sequence: Sequence[Any], at: int, i: int, then: Then) -> bool:
        self.steps += 1
        if self.steps > self._most:
            raise TooManySteps
        if at == len(sequence):
            return then(i)
        op, value = sequence[at]

        def rest(j: int) -> bool:
            return self._run(sequence, at + 1, j, then)

        match op.name:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._fits(op, value, i) and rest(i + 1)
            case "AT":
                return self._is_at(str(value), i) and rest(i)
            case "SUBPATTERN":
                return self._run(value[-1], 0, i, rest)
            case "BRANCH":
                return any(self._run(part, 0, i, rest) for part in value[1])
            case "ASSERT" | "ASSERT_NOT":
                return self._looks(op, value, i) and rest(i)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(value, i, rest, greedy=op.name == "MAX_REPEAT")
        raise ValueError(f"{op} is not counted")

    def _repeat(self, value: Any, i: int, rest: Then, *, greedy: bool) -> bool:
        least, most, part = value
        if len(part) == 1 and part[0][0].name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            ends = [i]
            while len(ends) <= most and self._fits(part[0][0], part[0][1], ends[-1]):
                self.steps += 1
                ends.append(ends[-1] + 1)
            ends = ends[least:]
            return any(rest(end) for end in (reversed(ends) if greedy else ends))

        def again(count: int, j: int) -> bool:
            def more() -> bool:
                return count < most and self._run(part, 0, j, lambda k: k > j and again(count + 1, k))

            if count < least:
                return more()
            return (more() or rest(j)) if greedy else (rest(j) or more())

        return again(0, i)

    def _looks(self, op: Any, value: Any, i: int) -> bool:
        direction, part = value
        start = i if direction > 0 else i - part.getwidth()[0]
        found = start >= 0 and self._run(part, 0, start, lambda j: direction > 0 or j == i)
        return bool(found) == (str(op) == "ASSERT")

    def _fits(self, op: Any, value: Any, i: int) -> bool:
        if i == len(self._text):
            return False
        asked = int(op), id(value), self._text[i]
        if asked not in self._known:
            self._known[asked] = fits(op, value, self._text[i], self._flags)
        return self._known[asked]

    def _is_at(self, where: str, i: int) -> bool:
        text = self._text
        line_start, line_end = i == 0 or text[i - 1] == "\n", i == len(text) or text[i] == "\n"
        is_word = [0 <= j < len(text) and (text[j].isalnum() or text[j] == "_") for j in (i - 1, i)]
        match where:
            case "AT_BEGINNING" | "AT_BEGINNING_STRING":
                return line_start if self._flags & re.MULTILINE and where == "AT_BEGINNING" else i == 0
            case "AT_END" | "AT_END_STRING":
                return line_end if self._flags & re.MULTILINE else i == len(text)
            case "AT_BOUNDARY":
                return is_word[0] != is_word[1]
        raise ValueError(f"{where} is not counted")


def fits(op: Any, value: Any, character: str, flags: int) -> bool:
    """Whether one character matches a node for one character: `re` itself decides."""
    match str(op):
        case "ANY":
            return bool(flags & re.DOTALL) or character != "\n"
        case "LITERAL" | "NOT_LITERAL":
            same = chr(value) == character or (bool(flags & re.IGNORECASE) and chr(value).lower() == character.lower())
            return same == (str(op) == "LITERAL")
    negated = bool(value) and str(value[0][0]) == "NEGATE"
    return any(_in_class(kind, item, character, flags) for kind, item in value if str(kind) != "NEGATE") != negated


def _in_class(kind: Any, item: Any, character: str, flags: int) -> bool:
    if str(kind) == "CATEGORY":
        name = str(item).removeprefix("CATEGORY_")
        found = {
            "SPACE": character.isspace(),
            "DIGIT": character.isdigit(),
            "WORD": character.isalnum() or character == "_",
        }[name.removeprefix("NOT_")]
        return found != name.startswith("NOT_")
    low, high = item if str(kind) == "RANGE" else (item, item)
    forms = {character, character.lower(), character.upper()} if flags & re.IGNORECASE else {character}
    return any(len(form) == 1 and low <= ord(form) <= high for form in forms)


def sample(sequence: Sequence[Any], flags: int) -> str:
    """A text that matches, short but with one round of every repetition."""
    parts = []
    for op, value in sequence:
        match str(op):
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                literal = chr(value) if str(op) == "LITERAL" else ""
                parts.append(next((each for each in _ALPHABET if fits(op, value, each, flags)), literal))
            case "SUBPATTERN":
                parts.append(sample(value[-1], flags))
            case "BRANCH":
                parts.append(sample(value[1][0], flags))
            case "MAX_REPEAT" | "MIN_REPEAT":
                parts.append(sample(value[2], flags) * max(1, value[0]))
    return "".join(parts)


def attacks(pattern: str, flags: int) -> Iterator[tuple[str, str]]:
    """(what stands once, what is repeated): beginnings of what matches, and each part that the expression repeats."""
    parsed = _parser.parse(pattern, flags)
    beginnings = sorted({*_beginnings(parsed, flags)} - {""})
    repeated = sorted({*_repeated(parsed, flags)} - {""})
    yield from (("", unit) for unit in {*beginnings, *repeated})
    yield from ((first, unit) for first in beginnings for unit in repeated)


def _beginnings(sequence: Sequence[Any], flags: int) -> Iterator[str]:
    for end, (op, value) in enumerate(sequence):
        before = sample(sequence[:end], flags)
        yield before
        if str(op) == "SUBPATTERN":
            yield from (before + inside for inside in _beginnings(value[-1], flags))
    yield sample(sequence, flags)


def _repeated(sequence: Sequence[Any], flags: int) -> Iterator[str]:
    for op, value in sequence:
        match str(op):
            case "SUBPATTERN":
                yield from _repeated(value[-1], flags)
            case "BRANCH":
                for part in value[1]:
                    yield from _repeated(part, flags)
            case "MAX_REPEAT" | "MIN_REPEAT":
                yield sample(value[2], flags)
                yield from _repeated(value[2], flags)


def growth(pattern: str, flags: int, *, anchored: bool, whole: bool, size: int = 24) -> tuple[float, str]:
    """How many times the steps grow if the text doubles, at worst, and the text: 2 is linear, 4 is the square."""
    worst = (0.0, "")
    for first, unit in attacks(pattern, flags):
        often = max(8, min(size, 400 // len(unit)))
        texts = [first + unit * (often * times) + _END for times in (1, 2)]
        few, many = (_steps(pattern, flags, text, anchored=anchored, whole=whole) for text in texts)
        if few == math.inf:
            return math.inf, f"{first!r} and many {unit!r}"
        worst = max(worst, (many / few, f"{first!r} and many {unit!r}"))
    return worst


def _steps(pattern: str, flags: int, text: str, *, anchored: bool, whole: bool) -> float:
    matcher = Matcher(pattern, flags, text, most=60_000)
    try:
        matcher.search(anchored=anchored, whole=whole)
    except TooManySteps:
        return math.inf
    return matcher.steps
