"""Every regular expression of the program works in time that is linear in the text: texts of others may be long."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import reconciler
from tests.house.backtracking import growth

HOUSE = Path(reconciler.__file__).parent
ANCHORED = {"match", "fullmatch"}
LONG = 90
"""An expression of more characters has too many attacks for each `make test`."""
METHODS = {"compile", "match", "fullmatch", "search", "split", "findall", "finditer", "sub", "subn"}


class Pattern(NamedTuple):
    where: str
    text: str
    flags: int
    uses: frozenset[str]


def patterns(file: Path) -> Iterator[Pattern]:
    source = file.read_text("utf-8")
    if not re.search(r"\bre\.", source):
        return
    module = ".".join(file.relative_to(HOUSE.parent).with_suffix("").parts).removesuffix(".__init__")
    nodes = [*ast.walk(ast.parse(source))]
    assigned = {id(node.value): node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign)}
    for call in nodes:
        method = _method(call)
        if not (isinstance(call, ast.Call) and method in METHODS):
            continue
        place = assigned.get(id(call))
        name = ast.unparse(place.targets[0] if isinstance(place, ast.Assign) else place.target) if place else ""
        uses = re.findall(rf"\b{name}\.(\w+)\b", source) if name and method == "compile" else [method]
        compiled = getattr(import_module(module), name, None) if name else None
        yield Pattern(f"{file.relative_to(HOUSE)}:{call.lineno}", *_text_and_flags(call, compiled), frozenset(uses))


def _method(node: ast.AST) -> str:
    """The function of `re` that a call names."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name)):
            return name
    return ""


def _text_and_flags(call: ast.Call, compiled: re.Pattern[str] | None) -> tuple[str, int]:
    if compiled is not None and not isinstance(call.args[0], ast.Constant):
        return compiled.pattern, compiled.flags
    text = ast.literal_eval(call.args[0])
    more = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    flags = [re.RegexFlag[name.removeprefix("re.")] for name in map(ast.unparse, more) if name.startswith("re.")]
    return text.decode("latin-1") if isinstance(text, bytes) else text, int(sum(flags))


ALL = [
    pattern
    for file in sorted(HOUSE.rglob("*.py"))
    if "lab" not in file.relative_to(HOUSE).parts
    for pattern in patterns(file)
]


@pytest.fixture(autouse=True)
def _depth() -> Iterator[None]:
    """The matcher calls itself for every character of a group."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "pattern",
    [pytest.param(each, id=each.where, marks=[pytest.mark.matrix] if len(each.text) > LONG else []) for each in ALL],
)
def test_steps_grow_with_the_text_and_not_with_its_square(pattern: Pattern) -> None:
    anchored, whole = pattern.uses <= ANCHORED, pattern.uses == {"fullmatch"}
    times, text = growth(pattern.text, pattern.flags, anchored=anchored, whole=whole)
    assert times < 2.6, f"{pattern.text!r} takes {times:.1f} times the steps for twice the text: {text}"


def test_expressions_are_found() -> None:
    compiled = sum(
        file.read_text("utf-8").count("re.compile(")
        for file in HOUSE.rglob("*.py")
        if "lab" not in file.relative_to(HOUSE).parts
    )
    assert len([pattern for pattern in ALL if pattern.uses and "compile" not in pattern.uses]) >= compiled > 30


@pytest.mark.parametrize(
    ("text", "worst"),
    [
        (r"a", 2),
        (r"\s*\[mark\]\s*$", 4),
        (r"#< CLIXML\s*(<Objs.*?</Objs>)", 4),
        (r"(\w+)*x", 4),
        (r"(?<![\w.-])[\w.-]+:", 2),
    ],
)
def test_the_count_tells_linear_from_worse(text: str, worst: int) -> None:
    assert (growth(text, re.DOTALL, anchored=False, whole=False)[0] > 3) == (worst > 2)
