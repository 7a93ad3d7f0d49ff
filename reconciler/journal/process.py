"""This process by a name that no other one has, and whether the process of such a name is gone from this machine.

Only Linux shows enough: elsewhere the name is empty, and a lock is taken over when its lease has expired.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_STATE: Final = 0
_START: Final = 19
"""Places in /proc/PID/stat, behind the name of the program: the state, and the start in ticks since boot."""


def this_process(proc: Path = _PROC) -> str:
    """`MACHINE PID START`. A machine is one boot and one namespace of process ids, so that containers differ."""
    machine, pid = _machine(proc), os.getpid()
    started = _stat(proc, pid)
    return f"{machine} {pid} {started[_START]}" if machine and started else ""


def is_gone(process: str, proc: Path = _PROC) -> bool:
    """Whether the process of this name ran on this machine, and has ended. False if that is not certain."""
    parts = process.split(" ")
    if len(parts) != 3 or not parts[1].isdigit() or parts[0] != _machine(proc):
        return False
    found = _stat(proc, int(parts[1]))
    return not found or found[_START] != parts[2] or found[_STATE] in ("Z", "X")


def _machine(proc: Path) -> str:
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(proc / 'self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return ""


def _stat(proc: Path, pid: int) -> list[str]:
    """The fields behind the name of the program, which may hold anything; empty without such a process."""
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    fields = text.rpartition(")")[2].split()
    return fields if len(fields) > _START else []
