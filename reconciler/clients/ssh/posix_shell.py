"""Sends a script to a POSIX shell: a constant command line, with everything else on standard input.

The command line is the same for every call, because `ps` and audit logs show it. The first stage announces itself,
reads the first line of the input (the mark, with a time limit) and starts the second stage, which turns each parameter
line into a shell variable and runs the rest of the input as the script. Nothing is sent before sudo or su asks for a
password and the first stage announces itself: the login shell may be another program, which takes its input for
commands. A command line that is only repeated announces nothing, because it does not contain what is printed. Both
stages contain no quotes, newlines or exclamation marks, so that every login shell passes them on unchanged; dash, bash
and busybox run them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

MARK: Final = "@vbo-reconcile"
STARTED: Final = f"{MARK} started"
"""The line on standard error that distinguishes a failure of the script from one of sudo or su."""
SHELL: Final = f"{MARK} shell"
"""The line on standard error of the first stage, which reads the input then."""
PROMPT: Final = f"{MARK}%password"
"""What sudo prints before it reads a password."""
SU: Final = f"{MARK} su"
"""The line on standard error before su starts."""
SU_PROMPT: Final = "Password: "
"""What su prints before it reads a password, without a translation. No option changes it."""


def _echo(line: str) -> str:
    """A command that prints a line, and does not contain it."""
    return f'echo "{line[:1]}""{line[1:]}"'


_STAGE_1 = (
    f"LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin; umask 077; {_echo(SHELL)} >&2; "
    f'while IFS= read -r l; do case $l in "{MARK} "*) s=${{l#* }}; '
    'if command -v timeout >/dev/null; then exec timeout -k 5 "$s" sh -c "$1" vbo-reconcile; fi; '
    'exec sh -c "$1" vbo-reconcile;; esac; done; exit 71'
)
OUTPUT: Final = f"{MARK} output"
OUTPUT_END: Final = f"{MARK} end"
"""Lines on standard output around that of the script: a login shell may print before and after it."""
_STAGE_2 = (
    f"{_echo(STARTED)} >&2; while IFS= read -r l; do case $l in .) break;; esac; n=${{l%% *}}; "
    'v=$(printf %b. "${l#* }"); eval "arg_$n=\\${v%.}"; done; unset l n v; '
    f'{_echo(OUTPUT)}; (eval "$(cat)"); c=$?; echo; {_echo(OUTPUT_END)}; exit $c'
)
READY: Final = f"{MARK} ready"
ENDED: Final = f"{MARK} ended"
"""Lines on a terminal: it now passes bytes unchanged; sudo has ended."""


def _on_terminal(sudo: str) -> str:
    """For a sudo that requires a terminal (requiretty): it runs on one, with pipes for input and output.

    The input is sent in blocks with their lengths, because a terminal in raw mode has no end of file (see `block`).
    """
    stage_0 = (
        f"stty raw -echo; {_echo(READY)}; "
        'o=$(while IFS= read -r n; do case $n in 0) break;; esac; head -c "$n"; done | '
        f'{{ {sudo} sh -c "$1" vbo-reconcile "$2"; c=$?; {_echo(ENDED)} >&2; exit "$c"; }}); c=$?; '
        f'echo; {_echo(OUTPUT)}; printf %s "$o"; exit "$c"'
    )
    return f"sh -c '{stage_0}' vbo-reconcile '{_STAGE_1}' '{_STAGE_2}'"


_ENV: Final = "env LC_ALL=C"  # messages of sudo and su are searched for English text
COMMAND: Final = f"sh -c '{_STAGE_1}' vbo-reconcile '{_STAGE_2}'"
SUDO_COMMAND: Final = f"{_ENV} sudo -n -- {COMMAND}"
SU_COMMAND: Final = (
    f'{_ENV} sh -c \'{_echo(SU)} >&2; exec su -s /bin/sh -c "$1" root "$2" "$3"\' vbo-reconcile '
    f"'exec sh -c \"$0\" vbo-reconcile \"$1\"' '{_STAGE_1}' '{_STAGE_2}'"
)
"""Not a login shell: the profile of root may ask questions or change directory."""
_ASKED: Final = PROMPT.replace("%", "%%")  # sudo prints one of them
SUDO_PASSWORD_COMMAND: Final = f"{_ENV} sudo -S -k -p '{_ASKED}' -- {COMMAND}"
SUDO_COMMAND_ON_TERMINAL: Final = _on_terminal(f"{_ENV} sudo -n --")
SUDO_PASSWORD_COMMAND_ON_TERMINAL: Final = _on_terminal(f'{_ENV} sudo -S -k -p "{_ASKED}" --')

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-")


def standard_input(script: str, params: Mapping[str, Any], *, seconds: float) -> bytes:
    """The standard input for one of the commands. `seconds` is the time limit on the host.

    Raises ValueError for parameters that cannot be shell variables (maps, invalid names, NUL).
    """
    lines = [f"{MARK} {max(1, math.ceil(seconds))}".encode()]
    lines += [f"{_named(name)} ".encode() + _escaped(_text(name, value)) for name, value in sorted(params.items())]
    return b"\n".join([*lines, b".", script.encode()])


def block(data: bytes) -> bytes:
    """A part of the input on a terminal. An empty one is its end."""
    return b"%d\n%s" % (len(data), data)


def without_mark(stderr: bytes) -> tuple[bool, bytes]:
    """Whether the script was started, and standard error without the marks. sudo-rs puts a frame around its prompt."""
    before, found, after = stderr.partition(STARTED.encode() + b"\n")
    for mark in (f"[sudo: {PROMPT}] Password: ", PROMPT, f"{SU}\n{SU_PROMPT}", f"{SU}\n", f"{SHELL}\n", f"{ENDED}\n"):
        before = before.replace(mark.encode(), b"")
    return bool(found), before + after


def wants_terminal(stderr: bytes) -> bool:
    """Whether sudo refused to run without a terminal (`requiretty` in sudoers)."""
    return b"must have a tty" in stderr and STARTED.encode() not in stderr


def output(stdout: bytes) -> bytes:
    """What the script printed. All of it if the script did not start."""
    _, found, after = stdout.partition(OUTPUT.encode() + b"\n")
    if not found:
        return stdout
    inside, found, _ = after.rpartition(b"\n" + OUTPUT_END.encode())
    return inside if found else after


def from_terminal(text: bytes) -> tuple[bytes, bytes]:
    """The output on a terminal as (standard output, standard error)."""
    _, _, rest = text.partition(READY.encode())
    before, _, after = rest.replace(b"\r\n", b"\n").partition(OUTPUT.encode() + b"\n")
    return after, before.replace(f"{ENDED}\n".encode(), b"").strip(b"\n") + b"\n"


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
