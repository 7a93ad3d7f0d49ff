"""Files that only the user may read (0600), and errors that name the file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from reconciler.user_folders import private_folder


def link_in(file: Path) -> Path | None:
    """The symbolic link through which `file` would be written: itself, or a folder below the working folder, which may
    be a checkout that others write to. None if there is none. Devices of the system are links by nature."""
    path = Path(os.path.normpath(file.absolute()))
    if path.is_relative_to("/dev") or path.is_relative_to("/proc"):
        return None
    here = Path.cwd()
    folders = (folder for folder in path.parents if folder != here and folder.is_relative_to(here))
    return next((part for part in (path, *folders) if part.is_symlink()), None)


def open_private(file: Path) -> TextIO:
    """Open a file for writing; an existing one keeps its permissions. Raises OSError, also for a symbolic link."""
    private_folder(file.absolute().parent)
    if link := link_in(file):
        raise OSError(errno.ELOOP, "a symbolic link, which is not written through", str(link))
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", newline="\n")  # the same bytes on every system


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
