"""Follows the fix of a diagnostic as a person would: pastes it at its place, or removes what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import yaml

from reconciler.model.diagnostic import Diagnostic

Edit = tuple[int, int, str]
"""Text to put in place of what stands between two offsets."""

_LINE = re.compile(
    r"^(?:Write|For example|Remove the quotes|Put it in quotes|Write it in brackets|Add for example|Add): (?P<code>.+)$"
)
_SPAN = re.compile(r"`([^`]+)`")
_WRITE = re.compile(r"^(?:Write|Add for example|Write it like|Write it as a list:) `")
_MEANT = re.compile(r"^(?:Did you mean|Name the pool:) `([^`]+)`(?:\?|\.)")
_REMOVE = re.compile(r"^Remove ((?:`[^`]+`(?:, | or )?)+)")
_DROP = re.compile(r"^(?:Remove it(?:\.|,)|Keep one of the two\.|Remove one of (?:the two|them)[.,])")
_ADD = re.compile(r"^Add (?P<codes>`[A-Za-z_]+: [^`]*`(?: or `[A-Za-z_]+: [^`]*`)*)(?: to `(?P<to>\w+)`)?[.,;]")
_INSTEAD = re.compile(r"instead of `([^`]+)`")
_BESIDE = re.compile(r", or install| instead of |; here or under |, here or under | if that ")
"""What follows is not to be pasted."""
_ELSEWHERE = ("in its place", "` to `", "••")
_PAIR = re.compile(r"^['\"]?[A-Za-z_][\w.-]*['\"]?:(?: |$)")


@dataclass(frozen=True)
class Spot:
    """The map or list around a place, the key there if it is a map, and the value."""

    inside: yaml.Node | None
    key: yaml.Node | None
    value: yaml.Node


class Paste:
    """One diagnostic about `text`."""

    def __init__(self, text: str, found: Diagnostic) -> None:
        assert found.position is not None
        self.text, self.found, self.fix = text, found, found.fix.partition("\n")[0]
        lines = text.splitlines(keepends=True)
        self.at = sum(map(len, lines[: found.position.line - 1])) + found.position.column - 1
        self.root = _composed(text)
        self.spot = _spot(self.root, self.at, set())

    def ways(self) -> Iterator[str]:
        """The text after each way to follow the fix; none if it is prose, with nothing to paste."""
        spot = self.spot
        add = _ADD.match(self.fix)
        if spot is None or (add is None and any(word in self.fix for word in _ELSEWHERE)):
            return
        if meant := _MEANT.match(self.fix):
            old = spot.key if spot.key is not None and spot.key.start_mark.index == self.at else spot.value
            yield self._edited([(old.start_mark.index, old.end_mark.index, meant[1])])
        elif line := _LINE.match(self.fix):
            yield self._edited(self._set(spot, line["code"]))
        elif _WRITE.match(self.fix):
            sentence = re.split(r"\. |; (?!here)", self.fix)[0]
            codes = _SPAN.findall(_BESIDE.split(sentence)[0])
            if instead := _INSTEAD.search(sentence):
                yield self._edited([(*self._pair(spot, instead[1]), codes[0])])
            elif " and `" in sentence:
                yield self._edited([edit for code in codes for edit in self._set(spot, code)])
            else:
                yield from (self._edited(self._set(spot, code)) for code in codes)
        elif add:
            for code in _SPAN.findall(add["codes"]):
                owner = self._map_at(add["to"]) if add["to"] else None
                yield self._edited(self._set(spot, code) if owner is None else [_inserted(owner, code)])
        else:
            yield from self._removals(spot)

    def _removals(self, spot: Spot) -> Iterator[str]:
        if _DROP.match(self.fix) and spot.inside is not None:
            yield self._edited([self._dropped(spot)])
        elif names := _REMOVE.match(self.fix):
            for name in _SPAN.findall(names[1]):
                start, end = self._pair(spot, name.partition(":")[0])
                end += self.text[end : end + 1] == ","
                yield self._edited([(start, end, "")])

    def _map_at(self, name: str) -> yaml.MappingNode | None:
        pairs = self.root.value if isinstance(self.root, yaml.MappingNode) else ()
        found = [value for key, value in pairs if key.value == name]
        return next((node for node in found if isinstance(node, yaml.MappingNode)), None)

    def _dropped(self, spot: Spot) -> Edit:
        """The pair or item that stands there, with the comma or line that belongs to it."""
        start = (spot.key or spot.value).start_mark.index
        end = spot.value.end_mark.index
        if isinstance(spot.inside, yaml.CollectionNode) and spot.inside.flow_style:
            after = re.match(r"\s*,\s*", self.text[end:])
            before = re.search(r",\s*$", self.text[:start])
            if after:
                end += after.end()
            elif before:
                start = before.start()
            return start, end, ""
        start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.find("\n", max(start, end - 1))
        return start, len(self.text) if line_end < 0 else line_end + 1, ""

    def _edited(self, edits: list[Edit]) -> str:
        text = self.text
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _pair(self, spot: Spot, name: str) -> tuple[int, int]:
        for owner in (spot.value, spot.inside, self.root):
            for key, value in owner.value if isinstance(owner, yaml.MappingNode) else ():
                if key.value == name:
                    return key.start_mark.index, value.end_mark.index
        raise AssertionError(f"there is no {name} at {self.found.position}")

    def _set(self, spot: Spot, code: str) -> list[Edit]:
        """`key: value` in place of the key that stands there, else as a new key of its map; a value for an item."""
        if not _PAIR.match(code) or (spot.key is None and not isinstance(spot.value, yaml.MappingNode)):
            return [(spot.value.start_mark.index, spot.value.end_mark.index, code)]
        name = code.partition(":")[0].strip("'\"")
        if spot.key is not None and spot.key.value == name:
            return [(spot.key.start_mark.index, max(spot.value.end_mark.index, spot.key.end_mark.index + 1), code)]
        owner = spot.inside
        if spot.key is None or self.at == spot.key.start_mark.index:
            owner = spot.value
        if self.found.detail.startswith(("The inventory has no ", "The fleet has no ")):
            owner = self.root
        for inner in (spot.value, owner):
            for key, value in inner.value if isinstance(inner, yaml.MappingNode) else ():
                if key.value == name:
                    return [(key.start_mark.index, value.end_mark.index, code)]
        if isinstance(owner, yaml.MappingNode):
            return [_inserted(owner, code)]
        assert spot.key is not None
        return [(spot.key.end_mark.index + 1, spot.value.end_mark.index, f" {{{code}}}")]


@lru_cache(maxsize=8)
def _composed(text: str) -> yaml.Node | None:
    """Many diagnostics are about one text. A file that is nested too deeply is refused before it gets here."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    return node


def pastes(text: str, found: Diagnostic) -> list[str]:
    return list(Paste(text, found).ways())


def _spot(node: yaml.Node | None, at: int, seen: set[int]) -> Spot | None:
    """What begins at an offset: a block map begins where its first key does, and the key is meant."""
    if node is None or id(node) in seen:
        return None
    seen.add(id(node))
    for key, value in _children(node):
        if key is not None and at == key.start_mark.index:
            return Spot(node, key, value)
        if (found := _spot(value, at, seen)) is not None:
            return found
        if at == value.start_mark.index:
            return Spot(node, key, value)
    return None


def _children(node: yaml.Node | None) -> list[tuple[yaml.Node | None, yaml.Node]]:
    """The values of a map or list, with their keys."""
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return [(None, item) for item in node.value] if isinstance(node, yaml.SequenceNode) else []


def _inserted(owner: yaml.MappingNode, code: str) -> Edit:
    start = owner.start_mark.index
    if owner.flow_style:
        return start + 1, start + 1, f"{code}, " if owner.value else code
    return start, start, f"{code}\n{' ' * owner.start_mark.column}"
