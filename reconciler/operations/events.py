"""What an operation reports while it works. `reconciler.model.event` has the events of single changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.model.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Message:
    """A line about what happens now. `verbose`: of interest only to users who ask for details."""

    text: str
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class InventoryLoaded:
    """An inventory was read from `files` (relative to its folder). `warnings` do not keep it from being used."""

    files: tuple[str, ...]
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Warned:
    """Something failed that the operation does not depend on."""

    diagnostic: Diagnostic


Notice = Message | InventoryLoaded | Warned
NoticeListener = Callable[[Notice], None]


def ignore(notice: Notice) -> None:
    """The listener of callers that want no notices."""
    del notice
