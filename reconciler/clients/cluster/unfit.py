"""A worker that cannot keep files, and so cannot visit a host: its disk is full, or its temporary folder cannot be
written to."""

from __future__ import annotations

import errno
import tempfile
from dataclasses import dataclass
from typing import Final

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Unfit:
    """What a worker answers in place of what it was asked for."""

    reason: str
    hint: str


def unfit(error: OSError) -> Unfit:
    folder = tempfile.tempdir or "its temporary folder"
    other = "start it with another one: `TMPDIR=/var/tmp dask worker …`."
    hint = f"Let the account of the worker write to {folder} there, or {other}"
    if error.errno in _FULL:
        hint = f"Free some space in {folder} of the worker, or {other}"
    return Unfit((error.strerror or str(error) or type(error).__name__).lower(), hint)
