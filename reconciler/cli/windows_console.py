"""Colours on a console of Windows, which shows escapes as they are until it is asked to interpret them."""

from __future__ import annotations

import ctypes
from typing import Any, Final

_STREAMS: Final = (-11, -12)
"""STD_OUTPUT_HANDLE and STD_ERROR_HANDLE."""
_INTERPRET: Final = 0x0004
"""ENABLE_VIRTUAL_TERMINAL_PROCESSING, from Windows 10 1511 on."""


def enable_colours(kernel: Any = None) -> bool:
    """Whether every console among the standard streams interprets escapes from now on. A file is none."""
    kernel = kernel or vars(ctypes)["windll"].kernel32
    for stream in _STREAMS:
        handle, mode = kernel.GetStdHandle(stream), ctypes.c_ulong()
        if not kernel.GetConsoleMode(handle, ctypes.byref(mode)) or mode.value & _INTERPRET:
            continue
        if not kernel.SetConsoleMode(handle, mode.value | _INTERPRET):
            return False
    return True
