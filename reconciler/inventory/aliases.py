"""Anchors and aliases: the same data said once and used in many places, within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MAX_REPEATED: Final = 100_000
"""Values that all aliases of a file together may stand for."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an alias stands for. `problem` and `fix` are set where it cannot be used."""

    value: Any = None
    depth: int = 0
    problem: str = ""
    fix: str = ""


class Anchors:
    """Anchors of one file. The text of a name is never repeated in a message: it may be a secret gone astray.

    `unclosed` are the maps and lists with an anchor that have not ended, by identity: none may be used inside itself.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self.unclosed: set[int] = set()
        self._sizes: dict[int, tuple[int, int]] = {}
        self._repeated = 0

    def define(self, name: str | None, value: Any) -> None:
        if name is not None:
            self._values[name] = value

    def open(self, name: str, node: Any) -> None:
        """A map or list begins."""
        self._values[name] = node
        self.unclosed.add(id(node))

    def use(self, name: str) -> Target:
        if name not in self._values:
            fix = "Define it with & before its first use, or quote the text if * is part of it."
            return Target(problem="An alias (*) refers to an anchor (&) that is not defined above it.", fix=fix)
        value = self._values[name]
        if id(value) in self.unclosed:
            return Target(
                problem="An alias (*) refers to the map or list that contains it.", fix="Write the value out."
            )
        size, depth = self._measure(value)
        self._repeated += size
        if self._repeated > MAX_REPEATED:
            detail = f"The aliases of this file expand to more than {MAX_REPEATED:,} values."
            return Target(problem=detail, fix="Use `defaults` or `groups` for what many objects share.")
        return Target(value, depth)

    def _measure(self, value: Any) -> tuple[int, int]:
        """Number of values and levels. What an alias inside stands for has been measured, and bounded, before."""
        if not isinstance(value, dict | list):
            return 1, 0
        known = self._sizes.get(id(value))
        if known is None:
            parts = [self._measure(part) for part in (value.values() if isinstance(value, dict) else value)]
            size = 1 + sum(part[0] for part in parts)
            known = self._sizes[id(value)] = (size, 1 + max((part[1] for part in parts), default=0))
        return known
