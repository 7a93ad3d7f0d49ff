"""Kinds of mutants that Cosmic Ray does not have: of tables, of their words, and of the order of statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cosmic_ray.ast import get_ast

Positions = Iterator[tuple[tuple[int, int], tuple[int, int]]]


class DropElement:
    """One member less in a tuple, list, set or map that is written down."""

    def mutation_positions(self, node: Any) -> Positions:
        yield from [(node.children[index].start_pos, node.children[index].end_pos) for index in _elements(node)]

    def mutate(self, node: Any, index: int) -> Any:
        first = _elements(node)[index]
        width = _width(node, first)
        del node.children[first : first + width + 1]
        return node


class ReplaceWord:
    """Another word in the place of a word in quotes; sentences and documentation are left alone."""

    def mutation_positions(self, node: Any) -> Positions:
        if node.type == "string" and _is_word(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        quote = node.value[-1]
        node.value = f"{node.value[:-1]}-x{quote}" if node.value[1:-1] else f"{quote}x{quote}"
        return node


class DropStatement:
    """A call or an augmented assignment that is left out."""

    def mutation_positions(self, node: Any) -> Positions:
        if _is_doing(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return _parsed("pass\n", node)


class SwapStatements:
    """Two calls, one after the other, in the other order."""

    def mutation_positions(self, node: Any) -> Positions:
        yield from [(node.children[index].start_pos, node.children[index + 1].end_pos) for index in _pairs(node)]

    def mutate(self, node: Any, index: int) -> Any:
        first = _pairs(node)[index]
        node.children[first], node.children[first + 1] = node.children[first + 1], node.children[first]
        return node


OPERATORS = (DropElement, ReplaceWord, DropStatement, SwapStatements)


def _elements(node: Any) -> list[int]:
    """Indexes of the first parts of members that are followed by a comma, of literals with two members or more."""
    if node.type not in ("testlist_comp", "dictorsetmaker"):
        return []
    commas = [index for index, child in enumerate(node.children) if child.type == "operator" and child.value == ","]
    starts = [0, *(index + 1 for index in commas)]
    ended = [start for start, end in zip(starts, commas, strict=False) if end < len(node.children)]
    return ended if len(commas) > 1 or (commas and commas[-1] < len(node.children) - 1) else []


def _width(node: Any, first: int) -> int:
    """How many children the member has that begins at `first`, without its comma."""
    for index in range(first, len(node.children)):
        child = node.children[index]
        if child.type == "operator" and child.value == ",":
            return index - first
    return len(node.children) - first


def _is_word(node: Any) -> bool:
    value = node.value
    if value[0] not in "\"'" or value[:3] in ('"""', "'''") or any(sign in value for sign in " \\{}%"):
        return False
    return node.parent.type not in ("simple_stmt", "strings", "fstring")


def _is_doing(node: Any) -> bool:
    if node.type != "simple_stmt":
        return False
    first = node.children[0]
    if first.type in ("atom_expr", "power"):
        return bool(first.children[-1].type == "trailer")
    return first.type == "expr_stmt" and first.children[1].type in ("augassign", "operator") and _sign(first) != "="


def _sign(statement: Any) -> str:
    return str(statement.children[1].get_code()).strip()


def _pairs(node: Any) -> list[int]:
    children = node.children if node.type == "suite" else []
    return [
        index for index in range(len(children) - 1) if _is_doing(children[index]) and _is_doing(children[index + 1])
    ]


def _parsed(text: str, node: Any) -> Any:
    made = get_ast(text).children[0]
    made.children[0].prefix = node.get_first_leaf().prefix
    return made
