"""Sends a script to a POSIX shell: a constant command line, with everything else on standard input.

The command line is the same for every call, because `ps` and audit logs show it. The first stage skips the input up to
the mark (a password that sudo did not ask for precedes it), sets a time limit and starts the second stage, which turns
each parameter line into a shell variable and runs the rest of the input as the script. Both stages contain no quotes,
newlines or exclamation marks, so that every login shell passes them on unchanged; dash, bash and busybox run them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

MARK: Final = "@vbo-reconcile"
STARTED: Final = f"{MARK} started"
"""The line on standard error that distinguishes a failure of the script from one of sudo."""

_STAGE_1 = (
    "LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/sbin:/sbin; umask 077; "
    f'while IFS= read -r l; do case $l in "{MARK} "*) s=${{l#* }}; '
    'if command -v timeout >/dev/null; then exec timeout -k 5 "$s" sh -c "$1" vbo-reconcile; fi; '
    'exec sh -c "$1" vbo-reconcile;; esac; done; exit 71'
)
_STAGE_2 = (
    f'echo "{STARTED}" >&2; while IFS= read -r l; do case $l in .) break;; esac; n=${{l%% *}}; '
    'v=$(printf %b. "${l#* }"); eval "arg_$n=\\${v%.}"; done; unset l n v; eval "$(cat)"'
)
READY: Final = f"{MARK} ready"
OUTPUT: Final = f"{MARK} output"
"""Lines on a terminal: it now passes bytes unchanged; the standard output of the script follows."""


def _on_terminal(sudo: str) -> str:
    """For a sudo that requires a terminal (requiretty): it runs on one, with pipes for input and output.

    The input is sent with its length, because a terminal in raw mode has no end of file.
    """
    stage_0 = (
        f'stty raw -echo; echo "{READY}"; IFS= read -r n; '
        f'o=$(head -c "$n" | {sudo} sh -c "$1" vbo-reconcile "$2"); c=$?; '
        f'echo; echo "{OUTPUT}"; printf %s "$o"; exit "$c"'
    )
    return f"sh -c '{stage_0}' vbo-reconcile '{_STAGE_1}' '{_STAGE_2}'"


_ENV: Final = "env LC_ALL=C"  # sudo's messages are searched for English text
COMMAND: Final = f"sh -c '{_STAGE_1}' vbo-reconcile '{_STAGE_2}'"
SUDO_COMMAND: Final = f"{_ENV} sudo -n -- {COMMAND}"
SUDO_PASSWORD_COMMAND: Final = f"{_ENV} sudo -S -k -p '' -- {COMMAND}"
SUDO_COMMAND_ON_TERMINAL: Final = _on_terminal(f"{_ENV} sudo -n --")
SUDO_PASSWORD_COMMAND_ON_TERMINAL: Final = _on_terminal(f'{_ENV} sudo -S -k -p "" --')

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-")


def standard_input(script: str, params: Mapping[str, Any], *, seconds: float, password: str | None = None) -> bytes:
    """The standard input for one of the commands. `password` is for sudo -S. `seconds` is the time limit on the host.

    Raises ValueError for parameters that cannot be shell variables (maps, invalid names, NUL).
    """
    lines = [] if password is None else [password.encode()]
    lines.append(f"{MARK} {max(1, math.ceil(seconds))}".encode())
    lines += [f"{_named(name)} ".encode() + _escaped(_text(name, value)) for name, value in sorted(params.items())]
    return b"\n".join([*lines, b".", script.encode()])


def without_mark(stderr: bytes) -> tuple[bool, bytes]:
    """Whether the script was started, and standard error without the line STARTED."""
    before, found, after = stderr.partition(STARTED.encode() + b"\n")
    return bool(found), before + after


def wants_terminal(stderr: bytes) -> bool:
    """Whether sudo refused to run without a terminal (`requiretty` in sudoers)."""
    return b"must have a tty" in stderr and STARTED.encode() not in stderr


def from_terminal(text: bytes) -> tuple[bytes, bytes]:
    """The output on a terminal as (standard output, standard error)."""
    _, _, rest = text.partition(READY.encode())
    before, _, after = rest.replace(b"\r\n", b"\n").partition(OUTPUT.encode() + b"\n")
    return after, before.strip(b"\n") + b"\n"


def _named(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} cannot name a parameter of a shell script")
    return name


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, list):
        return "\n".join(_text(name, item) for item in value)
    raise ValueError(f"the parameter {name} of a shell script is {type(value).__name__}, not text")


def _escaped(text: str) -> bytes:
    r"""Escape every byte except the safe ones as \0ooo, which printf %b decodes."""
    data = text.encode()
    if 0 in data:
        raise ValueError("a parameter of a shell script cannot hold NUL")
    return b"".join(bytes((byte,)) if byte in _PLAIN else b"\\0%03o" % byte for byte in data)
