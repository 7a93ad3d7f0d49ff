"""Files that only the user may read (0600), and errors that name the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from reconciler.user_folders import private_folder


def open_private(file: Path) -> TextIO:
    """Open a file for writing; an existing one keeps its permissions. Raises OSError."""
    private_folder(file.absolute().parent)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8")


@contextmanager
def naming(file: Path | str) -> Iterator[None]:
    """A write to a full disk raises an OSError without a file name: add it."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(file)
        raise


def write_private(file: Path, content: bytes) -> None:
    """Write a file completely or not at all. Raises OSError."""
    import tempfile

    folder = private_folder(file.absolute().parent)
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{file.name}.")
    try:
        with naming(file), os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
