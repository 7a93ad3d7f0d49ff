"""Feedback to people: what is wrong, where, why, and how to mend it.

Functions that judge user input return a value *and* a list of diagnostics, so that all of them are shown at once.
Exceptions stay for transport and for bugs; `Diagnosed` carries diagnostics across a boundary that returns nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.errors import ReconcileError
from reconciler.model.position import Position


class Severity(StrEnum):
    """How bad it is. An error stops the command with exit code 1, a warning never does."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `summary` is short and constant for its `code`, so that readers learn it; `detail` is a full sentence with the
    names of this case; `fix` says what to do, with a command to copy on a separate line where there is one.
    `address` is `kind.name` where the finding belongs to an object, `source` the text of the line at `position`.
    """

    code: str
    summary: str
    detail: str
    fix: str = ""
    severity: Severity = Severity.ERROR
    position: Position | None = None
    address: str = ""
    source: str = ""
    related: tuple[Position, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    @property
    def sort_key(self) -> tuple[object, ...]:
        place = self.position or Position("", 0, 0)
        return (place.file, place.line, place.column, self.address, self.code, self.detail)


class Diagnosed(ReconcileError):
    """Work that could not go on; `diagnostics` say why, sorted by place."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: Sequence[Diagnostic] = sorted(diagnostics, key=lambda item: item.sort_key)
        super().__init__("; ".join(f"{item.summary}: {item.detail}" for item in self.diagnostics))
