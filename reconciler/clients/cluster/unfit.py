"""A worker that cannot keep files, and so cannot visit a host: its disk is full, or its folder cannot be written to."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Unfit:
    """What a worker answers in place of what it was asked for."""

    reason: str
    hint: str


def unfit(error: OSError, folder: Path) -> Unfit:
    other = "start it with another one: `dask worker … --local-directory /var/tmp`."
    hint = f"Let the account of the worker write to {folder} there, or {other}"
    if error.errno in _FULL:
        hint = f"Free some space in {folder} of the worker, or {other}"
    return Unfit((error.strerror or str(error) or type(error).__name__).lower(), hint)
