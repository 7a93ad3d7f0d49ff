"""Collects the diagnostics of one inventory with their positions, and returns them sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.inventory.diagnostic_codes import SUMMARIES
from reconciler.inventory.masking import masked, masked_text
from reconciler.inventory.source import Unreadable
from reconciler.inventory.source_map import Place, SourceMap
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.position import Position
from reconciler.model.secret import MASK

MAX_SOURCE: Final = 1000
"""Characters of a line that are shown."""


class Diagnostics:
    """What is wrong with the files whose places `marks` knows."""

    def __init__(self) -> None:
        self.marks = SourceMap()
        self.blurred = False
        """Whether something was left out that may have said what is now missing."""
        self._found: dict[Diagnostic, None] = {}

    @property
    def has_errors(self) -> bool:
        return any(item.is_error for item in self._found)

    @property
    def count(self) -> int:
        return len(self._found)

    def has_errors_in(self, file: str) -> bool:
        return any(item.is_error and item.position is not None and item.position.file == file for item in self._found)

    def diagnostics(self) -> list[Diagnostic]:
        return sorted(self._found, key=lambda item: item.sort_key)

    def add(
        self,
        code: str,
        detail: str,
        *,
        fix: str = "",
        place: Place | None = None,
        summary: str = "",
        severity: Severity = Severity.ERROR,
        address: str = "",
        related: Sequence[Place] = (),
        hide: bool = False,
    ) -> None:
        """Add a finding. The same finding twice (an alias shared by many objects, say) is one.

        `hide` masks the line from the place on, or from a related one before it: what stands there may be a secret.
        """
        position = self.marks.position(place) if place is not None else None
        item = Diagnostic(
            code=code,
            summary=summary or SUMMARIES[code],
            detail=masked_text(detail),
            fix=masked_text(fix),
            severity=severity,
            position=position,
            address=address,
            source=self._source(place, [*related] if hide else None),
            related=tuple(sorted({self.marks.position(other) for other in related})),
        )
        self._found[item] = None

    def add_unreadable(self, problem: Unreadable, name: str, place: Place | None = None) -> None:
        """A file that cannot be used: at the place inside it, else at `place` (the include that names it)."""
        if problem.line < 0:
            self.add(problem.code, problem.detail, fix=problem.fix, place=place)
            return
        position = Position(name, problem.line + 1, problem.column + 1)
        summary = SUMMARIES[problem.code]
        self._found[Diagnostic(problem.code, summary, problem.detail, problem.fix, position=position)] = None

    def _source(self, place: Place | None, hidden: Sequence[Place] | None) -> str:
        """The line of a place. `hidden` are other places from which it is masked as well; None masks nothing but what
        looks like a secret."""
        if place is None:
            return ""
        line, position = self.marks.line(place, MAX_SOURCE), self.marks.position(place)
        if position.column > MAX_SOURCE:
            return ""
        if hidden is None:
            return masked(line)
        places = [position, *map(self.marks.position, hidden)]
        start = min(other.column for other in places if other.line == position.line) - 1
        return masked(line[:start]).removesuffix(MASK) + MASK
