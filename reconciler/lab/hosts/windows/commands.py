"""The few commands that a Windows host of the lab has, so that any client of WS-Management can be tried on it.

They answer as `cmd` would, from the host's state; `ver` says that this is the lab. Nothing runs on this machine.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.lab.hosts.windows import machine
from reconciler.lab.hosts.wsman import Command

_THROUGH_CMD: Final = re.compile(r"^\s*cmd(?:\.exe)?\s+/c\s+", re.IGNORECASE)
_WORD: Final = re.compile(r"^\s*\"?([\w-]+)(?:\.exe)?\"?(.*)$", re.DOTALL)
_UNKNOWN: Final = 1
_POWERSHELL: Final = re.compile(
    r"^\s*powershell(?:\.exe)?\s.*?-(Encoded)?C(?:ommand)?\s+(.+?)\s*$", re.IGNORECASE | re.DOTALL
)
_ONE_COMMAND: Final = re.compile(
    r"(?:hostname|whoami)(?:\.exe)?|exit(?: \d+)?|cmd(?:\.exe)? /c [\w /.-]+|(?:echo|write-output) (?:'[^']*'|[\w.-]+)",
    re.IGNORECASE,
)
"""What PowerShell and the commands here do alike."""

_QUOTED_ARGUMENT: Final = re.compile(r'^\s*"(.*)"\s*$', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command prints, and its exit code."""

    text: str
    code: int = 0


def _echo(state: Mapping[str, Any], account: str, rest: str) -> Said:
    del state, account
    return Said(rest.removeprefix(" ") if rest.strip() else "ECHO is on.")


def _exit(state: Mapping[str, Any], account: str, rest: str) -> Said:
    del state, account
    code = rest.replace("/b", "").replace("/B", "").strip() or "0"
    return Said("", int(code)) if code.lstrip("-").isdigit() else Said("The exit code is a number.\r\n", _UNKNOWN)


def _hostname(state: Mapping[str, Any], account: str, rest: str) -> Said:
    del account, rest
    return Said(machine.short_name(state).upper())


def _ver(state: Mapping[str, Any], account: str, rest: str) -> Said:
    del account, rest
    return Said(f"{state['caption']} [Version {state['release']}], an emulation: this is the lab of vbo-reconcile")


def _whoami(state: Mapping[str, Any], account: str, rest: str) -> Said:
    del state, rest
    return Said(account.lower())


COMMANDS: Final[Mapping[str, Callable[[Mapping[str, Any], str, str], Said]]] = {
    "echo": _echo,
    "exit": _exit,
    "hostname": _hostname,
    "ver": _ver,
    "whoami": _whoami,
}
"""(state of the host, account, the rest of the command line) to what the command says."""


_NO_POWERSHELL: Final = (
    "This is the lab of vbo-reconcile, an emulation without PowerShell. It answers the scripts of vbo-reconcile, and "
    "runs scripts of one command: hostname, whoami, exit, echo with one word or quoted text, and cmd /c with the "
    f"commands {', '.join(COMMANDS)}."
)


def _of_powershell(line: str) -> str | None:
    """A command line without the PowerShell that runs its one command; None if PowerShell itself is needed."""
    found = _POWERSHELL.match(line)
    if found is None:
        return line
    script = found[2]
    if found[1]:
        try:
            script = base64.b64decode(script, validate=True).decode("utf-16-le")
        except (binascii.Error, UnicodeDecodeError):
            return None
    script = script.strip().strip('"')
    if not _ONE_COMMAND.fullmatch(script):
        return None
    word, _, text = script.partition(" ")
    return f"echo {text.strip(chr(39))}" if word.lower() in ("echo", "write-output") else script


def run(state: Mapping[str, Any], command: Command) -> int:
    """Run a command line, and refuse what the lab does not know."""
    whole = _of_powershell(command.text)
    if whole is None:
        command.write("stderr", f"{_NO_POWERSHELL}\r\n".encode())
        return _UNKNOWN
    line = _THROUGH_CMD.sub("", whole)
    if line != whole and (quoted := _QUOTED_ARGUMENT.match(line)):
        line = quoted[1]
    found = _WORD.match(line)
    known = COMMANDS.get(found[1].lower()) if found else None
    if found is None or known is None:
        name = found[1] if found else line.strip()
        command.write(
            "stderr",
            f"'{name}' is not known here: this is the lab of vbo-reconcile, an emulation. It has the commands "
            f"{', '.join(COMMANDS)}, and answers the scripts of vbo-reconcile.\r\n".encode(),
        )
        return _UNKNOWN
    said = known(state, command.owner, found[2])
    if said.text:
        command.write("stdout", f"{said.text.rstrip()}\r\n".encode())
    return said.code
