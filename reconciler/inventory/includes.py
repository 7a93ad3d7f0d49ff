"""Which files belong to an inventory: those that it includes, below one folder.

An inventory may come from a pull request: what it includes is read, and lines of it are shown in errors. So a file
counts only if it is inside the folder after its links are followed, and a pattern looks at a bounded number of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from reconciler.model.sentences import quoted

MAX_FILES: Final = 10_000
MAX_LOOKED: Final = 100_000
"""Names that all patterns of one inventory together are compared with."""

_SIGNS: Final = frozenset("*?[")


def is_pattern(text: str) -> bool:
    return bool(_SIGNS & set(text))


class NotIncluded(Exception):
    """Why a pattern gives no files, and the fix."""

    def __init__(self, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.detail, self.fix = detail, fix


class Includes:
    """The files below `root`. Everything is relative to the folder of the file that includes it."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._looked = 0

    def holds(self, path: Path) -> bool:
        """Whether `path` is inside after links are followed, existing or not."""
        try:
            return Path(os.path.realpath(path)).is_relative_to(self._root)
        except (OSError, ValueError):
            return False

    def matches(self, pattern: str, folder: Path) -> list[Path]:
        """The files of a pattern, sorted; hidden ones only if it names them. Without a sign it is the file itself,
        existing or not. Raises NotIncluded."""
        _check(pattern)
        if not is_pattern(pattern):
            found = [folder / pattern]
        else:
            try:
                found = sorted(self._below(folder, [part for part in pattern.split("/") if part not in ("", ".")]))
            except PermissionError as error:
                raise NotIncluded(*outside(pattern)) from error
        if not found:
            raise NotIncluded(f"No file matches {quoted(pattern)}.", "Correct the pattern, or remove it.")
        if len(found) > MAX_FILES:
            raise NotIncluded(f"{quoted(pattern)} matches more than {MAX_FILES:,} files.", "Narrow the pattern.")
        return found

    def _below(self, folder: Path, parts: list[str]) -> Iterator[Path]:
        part, *rest = parts
        if not is_pattern(part):
            if rest:
                yield from self._below(folder / part, rest)
            elif os.path.lexists(folder / part):
                yield folder / part
            return
        for name in self._names(folder):
            if fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
                if not rest:
                    yield folder / name
                elif (folder / name).is_dir():
                    yield from self._below(folder / name, rest)

    def _names(self, folder: Path) -> list[str]:
        """What is in a folder; nothing if it is none. Raises PermissionError if it is outside."""
        if not self.holds(folder):
            raise PermissionError(str(folder))
        try:
            names = [entry.name for entry in folder.iterdir()]
        except (OSError, ValueError):
            return []
        self._looked += len(names)
        if self._looked > MAX_LOOKED:
            raise NotIncluded(
                f"The patterns of `include` look at more than {MAX_LOOKED:,} files.",
                "Name a folder in place of a pattern, or move the included files to a separate folder.",
            )
        return names


def _check(pattern: str) -> None:
    if "\0" in pattern:
        raise NotIncluded("The pattern holds a NUL character.", "Remove it.")
    if Path(pattern).is_absolute() or pattern.startswith(("/", "\\", "~")):
        raise NotIncluded(
            f"{quoted(pattern)} is not a relative path.", "Write the path relative to the folder of this file."
        )
    if "**" in pattern:
        raise NotIncluded(f"{quoted(pattern)} would search all subfolders.", "Write one pattern for each folder.")


def outside(name: str) -> tuple[str, str]:
    """What is said of a file or folder that does not count, and the fix."""
    return (
        f"{quoted(name)} is outside the folder of the inventory, after links are followed.",
        "Move it into the folder. If you trust the inventory, name a folder that holds both: --include-root FOLDER",
    )
