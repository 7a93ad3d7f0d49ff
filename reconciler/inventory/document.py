"""Events of libyaml to plain data, with the place of every key and value kept beside it (see `source_map`).

Why events and not `yaml.compose` with the C loader: at 10,000 proxies (4.2 MB) this builder takes 0.45 s and 74 MB,
composing nodes and walking them 0.64 s and 221 MB, `yaml.load` alone 2.6 s. The difference alone would lift `validate`
over its limit of 0.4 of `yaml.load` (`python -m tests.bench.bench_validate`). Only this module and `aliases` would
become shorter: duplicate keys, alias bombs, tags and depth must be judged with either.

Keys are always text. A map or list that an alias names is the same object in every place, so nothing is copied; the
size of its expansion is counted and bounded.

Plain scalars follow the core schema of YAML 1.2, a little stricter: `yes`, `on`, `22:00`, `2026-01-31` and `0123` stay
text, so nothing turns into a number or a date behind one's back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import ascii_letters
from typing import Any, Final

from yaml.error import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from reconciler.inventory import syntax
from reconciler.inventory.aliases import Anchors
from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.masking import SENSITIVE, keys
from reconciler.inventory.source import Source, unprintable
from reconciler.inventory.source_map import FILE_SHIFT, Place
from reconciler.model.errors import ReconcileError
from reconciler.model.sentences import quoted

MAX_DEPTH: Final = 32
MAX_LENGTH: Final = 65_536
"""Characters of a key or a value. A pattern or a message with millions of them would cost minutes."""
_KEPT: Final = 32
"""Characters of a longer one that stay."""
MAX_REFUSED: Final = 200
"""Refused keys after which the rest of a file is skipped: finding the first of two equal keys is linear."""
_ODD: Final[Any] = ("odd",)
"""In the place of a key that may not be one: an empty text, or that of a merge."""
_ITEM: Final[Any] = ("item",)
"""In the place of a key while a list is open: its items have none."""
_MARKERS: Final = (b"!", b"&")
"""Without these no value has a tag or an anchor."""
_ENDS: Final = frozenset({MappingEndEvent, SequenceEndEvent})
_OPENED: Final[Mapping[Any, tuple[Callable[[], Any], Any]]] = {
    MappingStartEvent: (dict, None),
    SequenceStartEvent: (list, _ITEM),
}
"""What an event opens, and what stands for the key there at first."""
_COLLECTION_TAGS = {MappingStartEvent: "tag:yaml.org,2002:map", SequenceStartEvent: "tag:yaml.org,2002:seq"}

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
_PLAIN_STARTS = frozenset(ascii_letters) - {word[:1] for word in _WORDS}
"""Letters with which only text begins."""


class _Stop(Exception):
    """What follows in this file cannot be understood; the reason has been reported."""


def parse(source: Source, number: int, report: Diagnostics, tables: dict[int, list[Place]] | None = None) -> Any:
    """The data in `source`, file `number` of the report. None where there is none; then the reason is reported. The
    places are added to `tables`, by default those of the report."""
    try:
        from yaml._yaml import CParser
    except ImportError as error:
        fix = "install its wheel, which brings libyaml along"
        raise ReconcileError(f"PyYAML was built without libyaml: {fix}") from error
    builder = Builder(number, report, report.marks.tables if tables is None else tables)
    marked = any(marker in source.raw for marker in _MARKERS)
    try:
        return builder.run(CParser(source.raw).get_event, marked=marked)
    except _Stop:
        return builder.result() if builder.whole else None
    except ReaderError:
        report.add_unreadable(unprintable(source), source.name)
    except YAMLError as error:
        syntax.explain(error, source, number, report)
    return None


class Builder:
    """One file. `_node` is the open map or list, `_table` its places, `_key` the key that waits for its value: None
    where a key comes next, `_ITEM` in a list. `_stack` has these three of what is open around it."""

    def __init__(self, number: int, report: Diagnostics, tables: dict[int, list[Place]]) -> None:
        self._base = number << FILE_SHIFT
        self._report = report
        self._tables = tables
        self._anchors = Anchors()
        self._keys: dict[str, Any] = {"": _ODD, "<<": _ODD}
        self._resolved = Resolved()
        self._stack: list[tuple[Any, list[Place], Any]] = []
        self._root: list[Any] = []
        self._node: Any = self._root
        self._table: list[Place] = []
        self._key: Any = _ITEM
        self._surplus: dict[int, tuple[dict[str | int, Any], list[Place], list[Place]]] = {}
        self._refused = 0
        self.whole = False
        self._hot = self._base, self._resolved, self._keys, self._stack, tables, self._anchors.unclosed
        self._rare: dict[type, Callable[[Any], None]] = {
            ScalarEvent: self._rare_scalar,
            MappingStartEvent: self._open,
            SequenceStartEvent: self._open,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }

    def run(self, next_event: Callable[[], Any], *, marked: bool) -> Any:
        """Follow the events. Plain keys and values, nearly all there is, are dealt with here; the rest has handlers.
        `marked`: there may be tags and anchors. Half the time of a validation goes by here: every word counts."""
        next_event()
        base, resolved, keys, stack, tables, unclosed = self._hot
        node, table, key = self._node, self._table, self._key
        while True:  # CPython 3.11 specializes a loop at this jump back, and not at that of a condition
            event = next_event()
            kind = type(event)
            if (
                kind is ScalarEvent
                and len(value := event.value) <= MAX_LENGTH
                and not (marked and (event.tag is not None or event.anchor is not None))
            ):
                place = base + event.start_mark.index
                if key is None:
                    key = keys.setdefault(value, value)
                    if key is _ODD or key in node:
                        self._node, self._table = node, table
                        key = self._judge_key(event, place)
                elif key is _ITEM:
                    node.append(resolved[value] if event.implicit[0] else value)
                else:
                    node[key] = resolved[value] if event.implicit[0] else value
                    key = None
                table.append(place)
            elif kind in _ENDS:
                if unclosed:
                    unclosed.discard(id(node))
                node, table, key = stack.pop()
            elif (
                key is not None
                and key is not _ITEM
                and kind in _OPENED
                and event.tag is None
                and event.anchor is None
                and len(stack) < MAX_DEPTH
            ):
                table.append(base + event.start_mark.index)
                stack.append((node, table, None))
                make, first = _OPENED[kind]
                node[key] = node = make()
                key = first
                table = tables[id(node)] = []
            elif event is None:
                return self.result()
            else:
                self._node, self._table, self._key = node, table, key
                self._rare.get(kind, _pass_over)(event)
                node, table, key = self._node, self._table, self._key

    def result(self) -> Any:
        """The data of the first document, without the pairs that were refused."""
        for node, table, places in self._surplus.values():
            kept = [at for at, key in enumerate(node) if type(key) is str]
            table[:] = [table[at * 2 + side] for at in kept for side in (0, 1)]
            for place in places:
                del node[place]
        self._report.marks.keep(self._root)
        return self._root[0] if self._root else None

    def _place(self, event: Any) -> Place:
        place: Place = self._base + event.start_mark.index
        return place

    def _add(self, value: Any, place: Place) -> None:
        self._table.append(place)
        if type(self._node) is dict:
            self._node[self._key] = value
            self._key = None
        else:
            self._node.append(value)

    def _judge_key(self, event: Any, place: Place) -> str | int:
        """A key that is there already, or one that is none."""
        text: str = event.value
        if text in self._node:
            first = self._table[list(self._node).index(text) * 2]
            line = self._report.marks.position(first).line
            hide = self._is_sensitive() and text not in keys()
            what = "A key" if hide else quoted(text)
            detail = f"{what} appears twice in the same map; first in line {line}."
            fix = "Keep one of the two."
            self._report.add("duplicate-key", detail, fix=fix, place=place, related=[first], hide=hide)
            return self._set_aside(place)
        if not text or event.implicit[0]:
            return self._refuse_key(text, place)
        return text

    def _is_sensitive(self) -> bool:
        """Whether the open map is an entry of a section with secrets: what stands as a key there may be one."""
        root = self._root[0] if self._root else None
        return len(self._stack) > 2 and isinstance(root, dict) and next(reversed(root), "") in SENSITIVE

    def _refuse_key(self, text: str, place: Place) -> int:
        self._report.blurred = True
        if text:
            fix = "Move what the maps share to `defaults` or `groups`, or repeat it."
            self._report.add(
                "merge-key", "`<<` merges another map into this one, which is not supported.", fix=fix, place=place
            )
        else:
            self._report.add("bad-key", "This value has no key.", fix="Write the key before it.", place=place)
        return self._set_aside(place)

    def _set_aside(self, place: Place) -> int:
        """The key of a pair that is read and then dropped: no text, so no other key is like it."""
        _, _, places = self._surplus.setdefault(id(self._node), (self._node, self._table, []))
        places.append(place)
        self._refused += 1
        if self._refused > MAX_REFUSED:
            raise _Stop
        return place

    def _rare_scalar(self, event: Any) -> None:
        """A scalar with an anchor or a tag, or one that is too long."""
        place = self._place(event)
        if len(event.value) > MAX_LENGTH:
            self._cut(event, place)
        if self._key is None:
            self._anchors.define(event.anchor, event.value)
            self._key = self._keys.setdefault(event.value, event.value)
            if self._key is _ODD or self._key in self._node:
                self._key = self._judge_key(event, place)
            self._table.append(place)
            return
        value: Any = self._resolved[event.value] if event.implicit[0] else event.value
        if event.tag is not None:
            try:
                value = tagged(event.tag, event.value)
            except ValueError as error:
                self._report.blurred = True
                fix = "Leave the tag out; put text that looks like a number in quotes."
                self._report.add("tag", f"A tag (!) cannot be used here: {error}.", fix=fix, place=place)
        self._anchors.define(event.anchor, value)
        self._add(value, place)

    def _open(self, event: Any) -> None:
        place = self._place(event)
        if self._key is None:
            fix = "Write a plain word as the key. Quote text that begins with { or [."
            self._report.add("bad-key", "A key is expected here, not a map or a list.", fix=fix, place=place)
            raise _Stop
        if len(self._stack) >= MAX_DEPTH:
            self._too_deep(place)
        if event.tag not in (None, "!", _COLLECTION_TAGS[type(event)]):
            fix = "Leave the tag out."
            detail = "A tag (!) cannot be used here: maps and lists take only !!map and !!seq."
            self._report.add("tag", detail, fix=fix, place=place)
        node: Any = {} if type(event) is MappingStartEvent else []
        self._add(node, place)
        if event.anchor is not None:
            self._anchors.open(event.anchor, node)
        self._stack.append((self._node, self._table, self._key))
        self._node = node
        self._key = None if type(node) is dict else _ITEM
        self._table = self._tables[id(node)] = []

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        if self._key is None:
            fix = "Write the key itself."
            self._report.add("bad-key", "A key is expected here, not an alias.", fix=fix, place=place)
            raise _Stop
        target = self._anchors.use(event.anchor)
        if target.problem:
            self._report.add("alias", target.problem, fix=target.fix, place=place)
            raise _Stop
        if len(self._stack) + target.depth > MAX_DEPTH:
            self._too_deep(place)
        self._add(target.value, place)

    def _cut(self, event: Any, place: Place) -> None:
        """Keep the beginning of a key or value that is too long."""
        self._report.blurred = True
        fix = (
            "Shorten it, or look for a missing quote or a wrong indent: the text below it may have become a part of it."
        )
        detail = f"{len(event.value):,} characters begin here; the maximum is {MAX_LENGTH:,}."
        self._report.add("too-long", detail, fix=fix, place=place, hide=self._is_sensitive())
        event.value = event.value[:_KEPT]

    def _too_deep(self, place: Place) -> None:
        fix = "An inventory needs six levels: look for an unclosed bracket or quote above."
        self._report.add(
            "nesting", f"Nesting level {MAX_DEPTH + 1} begins here; the maximum is {MAX_DEPTH}.", fix=fix, place=place
        )
        raise _Stop

    def _document(self, event: Any) -> None:
        if self._root:
            fix = "Remove the line with `---`, or move the second document to another file and include it."
            detail = "`---` begins a second document, which would be ignored."
            self._report.add("documents", detail, fix=fix, place=self._place(event))
            self.whole = self._report.blurred = True
            raise _Stop


def _pass_over(event: Any) -> None:
    """The end of the stream and of the document say nothing."""


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
        value = self[text] = text if text[:1] in _PLAIN_STARTS else resolve(text)
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
