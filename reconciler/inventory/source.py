"""Files to text: everything that is wrong with a file before YAML is looked at."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class Unreadable(Exception):
    """A file that cannot be used. `line` and `column` count from 0; a line of -1 means the whole file."""

    def __init__(self, code: str, detail: str, fix: str, line: int = -1, column: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fix = fix
        self.line = line
        self.column = column


@dataclass
class Source:
    """One file: `name` relative to the folder of the inventory, with forward slashes. Lines, columns and characters
    count from 0, as libyaml counts them: a byte order mark is none."""

    name: str
    path: Path
    raw: bytes

    def line(self, number: int, limit: int | None = None) -> str:
        """The text of a line, with a sign in the place of what cannot be printed. Empty beyond the end."""
        text = self._lines[number][:limit] if 0 <= number < len(self._lines) else ""
        return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in text)

    def ends_at(self, number: int) -> bool:
        """Whether there is nothing but white space from a line on."""
        return not any(line.strip() for line in self._lines[number:])

    def start_of(self, number: int) -> int:
        """The first character of a line."""
        return self._starts[number]

    def line_and_column(self, character: int) -> tuple[int, int]:
        line = bisect_right(self._starts, character) - 1
        return line, character - self._starts[line]

    @property
    def last_character(self) -> int:
        """The last one that is not white space."""
        return max(len(self._text.rstrip()) - 1, 0)

    @cached_property
    def _text(self) -> str:
        return self.raw.decode("utf-8", "replace").removeprefix("\ufeff")

    @cached_property
    def _lines(self) -> list[str]:
        return _BREAK.split(self._text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self._text))]


_LONGEST = 255
"""Characters of the name of a file that are shown."""


def printable(name: str) -> str:
    """The name of a file for messages and documents: a name that is not UTF-8 has a sign in the place of each byte."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def name_below(folder: Path, file: Path) -> str:
    """What positions call a file: its path from the folder of the inventory."""
    try:
        return printable(Path(os.path.relpath(file, folder)).as_posix())
    except ValueError:  # another drive
        return printable(file.name)


def read(path: Path, name: str) -> Source:
    """The file at `path`. Raises Unreadable."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise Unreadable("unreadable", f"{name} is not a regular file.", "Name a YAML file.")
        if status.st_size > MAX_BYTES:
            raise _too_large(name)
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _os_error(name, error) from error
    except ValueError as error:
        raise Unreadable("no-inventory", "The name of the file holds a NUL character.", "Correct the name.") from error
    if len(raw) > MAX_BYTES:
        raise _too_large(name)
    _check_text(raw, name)
    return Source(name, path, raw)


def _too_large(name: str) -> Unreadable:
    fix = "Split it into several files and list them under `include`."
    return Unreadable("too-large", f"{name} is larger than 64 MB.", fix)


def _os_error(name: str, error: OSError) -> Unreadable:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unreadable("no-inventory", f"{name} does not exist.", "Check the name of the file or folder.")
    if isinstance(error, PermissionError):
        return Unreadable(
            "unreadable", f"{name} is not readable: permission denied.", "Check the permissions of the file."
        )
    if isinstance(error, IsADirectoryError):
        return Unreadable("unreadable", f"{name} is a folder.", "Name a YAML file.")
    reason = (error.strerror or type(error).__name__).lower()
    name = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"  # a name can be too long for the system
    return Unreadable("unreadable", f"{name} cannot be read: {reason}.", "Check the file.")


def _check_text(raw: bytes, name: str) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(raw[: error.start].decode("utf-8"))
        detail = f"Byte 0x{raw[error.start]:02x} in {name} is not UTF-8 text."
        fix = "Save the file with the encoding UTF-8."
        raise Unreadable("not-text", detail, fix, line, column) from error


def unprintable(source: Source) -> Unreadable:
    """The first character that YAML does not allow, after libyaml has refused the file for one."""
    text = source.raw.decode("utf-8")
    found = _UNPRINTABLE.search(text.removeprefix("\ufeff"))
    if found is None:
        return Unreadable("not-text", f"{source.name} holds a character that YAML does not allow.", "Remove it.")
    line, column = _place(text.removeprefix("\ufeff")[: found.start()])
    detail = f"U+{ord(found.group()):04X} is a control character, and YAML does not allow it."
    return Unreadable("not-text", detail, "Remove the character.", line, column)


def _place(before: str) -> tuple[int, int]:
    lines = _BREAK.split(before)
    return len(lines) - 1, len(lines[-1])
