"""The constant tables of a package as text that reviewers read, without their sentences.

After a change that is meant: python -m tests.tables
"""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from reconciler.kinds import Field, Kind

ROOMS = ("apply", "inventory", "kinds", "plan")
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


def file_of(room: str) -> Path:
    return Path(__file__).parent / room / "tables.txt"


def lines(room: str) -> Iterator[str]:
    """Every constant of every module, and the members of its enumerations."""
    package = import_module(f"reconciler.{room}")
    names = [package.__name__, *(item.name for item in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))]
    for name in sorted(names):
        module = import_module(name)
        yield from _of_module(name.removeprefix("reconciler."), vars(module), Path(str(module.__file__)))


def _of_module(module: str, values: Mapping[str, Any], file: Path) -> Iterator[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found = values[node.name]
            if issubclass(found, Enum):
                yield f"{module} {node.name}: {', '.join(f'{item.name}={item.value}' for item in found)}"
        for target in _targets(node):
            if _CONSTANT.fullmatch(target) and not isinstance(values[target], Kind | Field):
                yield from _rows(f"{module} {target}", values[target])


def _targets(node: ast.stmt) -> list[str]:
    found = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in found if isinstance(target, ast.Name)]


def _rows(name: str, value: Any) -> Iterator[str]:
    """One line for each row of a table."""
    if isinstance(value, Mapping) and value:
        yield from (f"{name}[{_text(key)}] = {_text(item)}" for key, item in value.items())
    elif isinstance(value, tuple | list) and value and not hasattr(value, "_fields"):
        yield from (f"{name}[{at}] = {_text(item)}" for at, item in enumerate(value))
    else:
        yield f"{name} = {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, Kind | Field | type):
        return str(value.__name__ if isinstance(value, type) else value.name)
    if isinstance(value, Enum | re.Pattern):
        return value.name if isinstance(value, Enum) else repr(value.pattern)
    if is_dataclass(value) and not isinstance(value, type):
        said = {item.name: getattr(value, item.name) for item in fields(value) if item.name != "doc"}
        usual = {item.name: item.default for item in fields(value)}
        words = (f"{name}={_text(item)}" for name, item in said.items() if item != usual[name])
        return f"{type(value).__name__}({', '.join(words)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(key)}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(_text, value))) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(_text, value)) + ")"
    is_sentence = isinstance(value, str) and " " in value
    return "'…'" if is_sentence else str(getattr(value, "__qualname__", None) or repr(value))


if __name__ == "__main__":
    for room in ROOMS:
        file_of(room).write_text("".join(f"{line}\n" for line in lines(room)), encoding="utf-8")
