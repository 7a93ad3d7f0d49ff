"""Files below the folder of an inventory that look like parts of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SECTIONS: Final = re.compile(rb"^(?:proxies|repositories|organizations|jobs|pools|credentials|server):", re.MULTILINE)
_SUFFIXES: Final = (".yml", ".yaml")
_MOST: Final = 50
"""Files that are looked at: a folder may hold anything."""
_START: Final = 65_536
"""Bytes of a file that are looked at."""


def deeper_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names, from the folder, of the files in its subfolders that declare what an inventory does."""
    try:
        below = sorted(item for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))
        files = [file for item in below for file in sorted(item.iterdir()) if file.suffix in _SUFFIXES]
    except OSError:
        return
    for file in files[:_MOST]:
        if _declares(file):
            yield file.relative_to(folder).as_posix(), file


def _declares(file: Path) -> bool:
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            return bool(_SECTIONS.search(stream.read(_START)))
    except OSError:
        return False
