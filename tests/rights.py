"""The modes of files hold for root, too: the thread has no capability to pass them by."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

HELD_TO_MODES: Final = "from tests.rights import hold_to_modes; hold_to_modes(for_good=True); "
"""A beginning for the code of a process (`tests/started.py`)."""
_VERSION: Final = 0x20080522
_PASS_MODES_BY: Final = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


@contextmanager
def held_to_modes() -> Iterator[None]:
    before = hold_to_modes()
    try:
        yield
    finally:
        _write(before)


def hold_to_modes(*, for_good: bool = False) -> list[int]:
    """Returns the capabilities that the thread had: effective, permitted and inheritable, in two halves. `os.access`
    of root asks for the permitted ones, which no thread gets back."""
    if os.geteuid() == 0 and os.uname().sysname != "Linux":
        pytest.skip("root passes modes by")
    before = _read()
    effective, permitted, *others = before
    _write([effective & ~_PASS_MODES_BY, permitted & ~(_PASS_MODES_BY if for_good else 0), *others])
    return before


def _read() -> list[int]:
    if os.uname().sysname != "Linux":
        return [0] * 6
    found = (ctypes.c_uint32 * 6)()
    _call("capget", found)
    return list(found)


def _write(capabilities: list[int]) -> None:
    if os.uname().sysname == "Linux":
        _call("capset", (ctypes.c_uint32 * 6)(*capabilities))


def _call(name: str, capabilities: ctypes.Array[ctypes.c_uint32]) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)((ctypes.c_uint32 * 2)(_VERSION, 0), capabilities):
        raise OSError(ctypes.get_errno(), name)
