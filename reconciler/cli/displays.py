"""Output whose reader may go away: a closed pipe, a full disk under a log, a terminal that hung up.

A display may fail, the work behind it must not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


@contextmanager
def silent(stream: TextIO) -> Iterator[None]:
    """Around writes to `stream`: the first one that fails makes it silent. ValueError: the stream is closed."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeError):
            raise
        abandon(stream)


def abandon(stream: TextIO) -> None:
    """Discard what is buffered and what follows, so that nothing is left for the interpreter to flush at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


class SilentStream:
    """A stream for libraries that write themselves: it goes silent where its reader does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with silent(self._stream):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with silent(self._stream):
            self._stream.flush()
