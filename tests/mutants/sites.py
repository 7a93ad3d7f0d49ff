"""Every mutant that the code can have, as data, and a sample of them."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants.operators import OPERATORS
from tests.mutants.patch import change


@dataclass(frozen=True, slots=True)
class Mutant:
    """The change number `occurrence` that `operator` can make to the module at `path`, and its lines."""

    path: str
    operator: str
    occurrence: int
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.path}:{self.first} {self.operator} #{self.occurrence}"


@cache
def operators() -> dict[str, Any]:
    """All that need no arguments, by name."""
    named = {name.partition("/")[2]: plugins.get_operator(name) for name in plugins.operator_names()}
    found = {name: kind() for name, kind in named.items() if not kind.arguments() and name != "RemoveDecorator"}
    ours = {kind.__name__: kind() for kind in OPERATORS}
    return {**{name: item for name, item in found.items() if not _is_odd(name)}, **ours}


def sample(root: Path, rooms: Sequence[str], count: int, seed: int) -> list[tuple[Mutant, str]]:
    """`count` mutants with their code, drawn by their place first: a comparison that can be changed in six ways counts
    once. Changes that give no Python, or that compile to the same code, are passed over."""
    places: dict[tuple[str, Any], list[Mutant]] = defaultdict(list)
    codes: dict[str, str] = {}
    for room in rooms:
        for file in sorted((root / "reconciler" / room).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            codes[path] = file.read_text(encoding="utf-8")
            for place, mutant in _of_module(path, codes[path]):
                places[path, place].append(mutant)
    draw = Random(seed)
    order = sorted(places)
    draw.shuffle(order)
    found: list[tuple[Mutant, str]] = []
    for key in order:
        if len(found) == count:
            break
        mutant = draw.choice(places[key])
        with suppress(ValueError, SyntaxError):
            code = mutated(codes[mutant.path], mutant)
            if not change(mutant.path, codes[mutant.path], code).is_nothing:
                found.append((mutant, code))
    return sorted(found, key=lambda item: (item[0].path, item[0].first, item[0].operator, item[0].occurrence))


def _of_module(path: str, code: str) -> Iterator[tuple[Any, Mutant]]:
    nodes = [*ast_nodes(get_ast(code))]
    for name, operator in operators().items():
        number = 0
        for node in nodes:
            for start, end in operator.mutation_positions(node):
                if not _is_idle(node) and not _is_odd_at(name, node):
                    family = "compare" if "_" in name else name
                    yield (start, end, family), Mutant(path, name, number, start[0], end[0])
                number += 1


_GENERIC = ("Callable", "Iterable", "Iterator", "Mapping", "Sequence", "dict", "list", "tuple")


def _is_idle(node: Any) -> bool:
    """Annotations, names of types, decorators, imports, the marks between parameters, and what only type checkers read:
    no test can see a change."""
    if node.type == "operator" and node.parent.type == "parameters":
        return True
    child = node
    while child is not None:
        parent = child.parent
        if child.type in ("decorator", "import_from", "import_name"):
            return True
        if child.type == "if_stmt" and child.children[1].get_code().strip() == "TYPE_CHECKING":
            return True
        if child.type == "expr_stmt" and child.children[0].get_code().strip() == "__all__":
            return True
        if child.type == "expr_stmt" and _names_a_type(child.children[-1]):
            return True
        if parent is not None and _annotates(child, parent):
            return True
        child = parent
    return False


def _names_a_type(value: Any) -> bool:
    """`Callable[[str], int]`, for one."""
    return (
        value.type == "atom_expr"
        and value.children[0].get_code().strip() in _GENERIC
        and str(value.children[1].children[0].value) == "["
    )


def _annotates(child: Any, parent: Any) -> bool:
    if parent.type == "funcdef":
        return parent.annotation is child
    if parent.type == "tfpdef":
        return parent.children[-1] is child
    return bool(parent.type == "annassign" and parent.children[1] is child)


_ORDER = ("_Lt", "_LtE", "_Gt", "_GtE")


def _is_odd(operator: str) -> bool:
    """Identity in place of equality is a warning of Python. Equality in place of identity is the same for None and
    members of enumerations, and order in its place the same or an error at once."""
    if "_Is_" in operator or "_IsNot_" in operator:
        return operator.endswith((*_ORDER, "_Is_Eq", "_IsNot_NotEq"))
    return operator.endswith(("_Is", "_IsNot"))


def _is_odd_at(operator: str, node: Any) -> bool:
    """Order in place of the equality of words in quotes: a change, and no mistake that a person makes."""
    if not operator.startswith("ReplaceComparison") or not operator.endswith(_ORDER):
        return False
    while node is not None and node.type != "comparison":
        node = node.parent
    return node is not None and any(child.type == "string" for child in node.children)


def mutated(code: str, mutant: Mutant) -> str:
    """The code with the change. Raises ValueError or SyntaxError if it is none, or no Python any more."""
    try:
        made: str | None = mutate_code(code, operators()[mutant.operator], mutant.occurrence)
    except (AttributeError, IndexError) as error:  # what Cosmic Ray itself stumbles over
        raise ValueError(str(mutant)) from error
    if made is None or made == code:
        raise ValueError(f"{mutant} changes nothing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(made, mutant.path, "exec")
    return made
