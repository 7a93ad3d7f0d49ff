"""What a mutant changes: functions alone, so that their code can be replaced in modules that are imported, or more."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

_OPTIMIZED = 0x1
"""The flag of code that belongs to a function, and to no class and no module."""

Place = tuple[str, str, int]
"""File, qualified name and first line of a function."""


@dataclass(frozen=True, slots=True)
class Change:
    """`functions` has the new code of each function by its place; None where what runs at import differs, too. `inner`
    has that of the functions in them: some were made at import already, such as the codecs of fields."""

    functions: dict[Place, CodeType] | None
    inner: dict[Place, CodeType] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        return self.functions == {}


def change(path: str, before: str, after: str) -> Change:
    old, new = compile(before, path, "exec"), compile(after, path, "exec")
    pairs = list(zip(_functions(old), _functions(new), strict=False))
    if _shell(old) != _shell(new):
        return Change(None)
    changed = [(was, now) for was, now in pairs if _shape(was) != _shape(now)]
    inner = {_place(was): now for pair in changed for was, now in _inner(*pair)}
    return Change({_place(was): now for was, now in changed}, inner)


def _inner(was: CodeType, now: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The functions in a function that differ, at any depth. None if there are more or fewer of them now."""
    before, after = ([item for item in code.co_consts if isinstance(item, CodeType)] for code in (was, now))
    if len(before) == len(after):
        for pair in zip(before, after, strict=True):
            if _shape(pair[0]) != _shape(pair[1]) and pair[0].co_freevars == pair[1].co_freevars:
                yield pair
                yield from _inner(*pair)


def _place(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Outermost functions, in the order of the source."""
    for item in code.co_consts:
        if isinstance(item, CodeType) and item.co_flags & _OPTIMIZED:
            yield item
        elif isinstance(item, CodeType):
            yield from _functions(item)


def _shell(code: CodeType) -> Any:
    """What runs at import: modules and bodies of classes, without the functions."""
    names = [
        _shell(item) if isinstance(item, CodeType) and not item.co_flags & _OPTIMIZED else _signature(item)
        for item in code.co_consts
    ]
    return code.co_name, code.co_code, code.co_names, names


def _signature(item: Any) -> Any:
    if not isinstance(item, CodeType):
        return type(item).__name__, repr(item)
    return item.co_qualname, item.co_argcount, item.co_kwonlyargcount, item.co_flags, item.co_freevars


def _shape(code: CodeType) -> Any:
    """All of a function but its lines."""
    inner = [_shape(item) if isinstance(item, CodeType) else _signature(item) for item in code.co_consts]
    return code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_exceptiontable, inner


class Functions:
    """Every function of the process, by its place."""

    def __init__(self) -> None:
        self._at: dict[Place, list[FunctionType]] = {}
        for item in gc.get_objects():
            if type(item) is FunctionType:
                self._at.setdefault(_place(item.__code__), []).append(item)

    def has(self, changed: Change) -> bool:
        return changed.functions is not None and all(place in self._at for place in changed.functions)

    def patch(self, changed: Change) -> None:
        for place, code in {**(changed.functions or {}), **changed.inner}.items():
            for function in self._at.get(place, ()):
                function.__code__ = code
