"""Whether something is at a path. Paths come from inventories: a name may be too long or hold a NUL character, and
pathlib raises for that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def exists(path: Path) -> bool:
    return _answer(path.exists)


def is_file(path: Path) -> bool:
    return _answer(path.is_file)


def is_folder(path: Path) -> bool:
    return _answer(path.is_dir)


def _answer(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except (OSError, ValueError):
        return False
