"""PowerShell as far as the lab has one: the constant bootstrap, with a script that is known by its text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from reconciler.lab.hosts.push import script
from reconciler.lab.hosts.windows import packages, push, twins
from reconciler.lab.hosts.windows.twins import ScriptError
from reconciler.lab.hosts.wsman import Command

_ENCODED: Final = re.compile(r"^\s*powershell(?:\.exe)?\s+.*-EncodedCommand\s+(\S+)\s*$", re.IGNORECASE)
FAILED: Final = 70
"""The exit code of the bootstrap where the script fails."""

Run = Callable[[str, Mapping[str, Any], str], Any]
"""(name of the script, arguments, account) to what the script prints. Raises ScriptError."""


@cache
def catalogue() -> Mapping[str, str]:
    """The SHA-256 of every script that the lab knows, to its name."""
    from reconciler.package_data import playbooks_folder, shipped_script

    folder = playbooks_folder()
    names = [file.relative_to(folder).as_posix() for file in sorted(folder.glob("*/*.ps1"))]
    known = {digest(shipped_script(name).text): name for name in names}
    return known | {digest(script(name).text): name for name in push.TWINS}


@lru_cache(maxsize=64)
def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class PowerShell:
    """The program of a Windows host. `run` answers for known scripts, `other` runs every other command line."""

    def __init__(self, run: Run, other: Callable[[Command], int]) -> None:
        self._run = run
        self._other = other

    def __call__(self, command: Command) -> int:
        from reconciler.clients.winrm.powershell import encoded_bootstrap

        found = _ENCODED.match(command.text)
        if found is None or found.group(1) != encoded_bootstrap():
            return self._other(command)
        try:
            answer = answered(command.read_all(), command.owner, self._run)
        except ScriptError as error:
            command.write("stderr", problem(error) + b"\r\n")
            return FAILED
        command.write("stdout", json.dumps(answer).encode() + b"\r\n")
        return 0


def answered(blob: bytes, account: str, run: Run) -> Any:
    """What a script prints whose bootstrap gets `blob` on its standard input. Raises ScriptError."""
    order = read_order(blob)
    args = order.get("args")
    return printed(str(order.get("script")), args if isinstance(args, Mapping) else {}, account, run)


def printed(text: str, args: Mapping[str, Any], account: str, run: Run) -> Any:
    """What the script with this text prints. Raises ScriptError."""
    name = catalogue().get(digest(text))
    if name is None:
        raise ScriptError("The lab's hosts do not know this script: they answer the shipped ones, by their text.")
    return run(name, args, account)


def problem(error: ScriptError) -> bytes:
    """What the bootstrap writes to standard error."""
    found = {"type": "System.Management.Automation.RuntimeException", "message": str(error), "at": ""}
    return json.dumps(found).encode()


def read_order(blob: bytes) -> Mapping[str, Any]:
    """Standard input of the bootstrap, with the secrets in their places. Raises ScriptError."""
    try:
        text, *secrets = (base64.b64decode(line, validate=True) for line in blob.split(b"\n"))
        order = json.loads(text)
        return {**order, "args": _opened(order.get("args"), secrets)} if isinstance(order, Mapping) else {}
    except (binascii.Error, IndexError, TypeError, ValueError) as error:
        raise ScriptError("Standard input is not base64 of JSON.") from error


def _opened(node: Any, secrets: Sequence[bytes]) -> Any:
    """Arguments with the secrets that their numbers stand for."""
    from reconciler.clients.winrm.powershell import MARK

    if isinstance(node, Mapping):
        return secrets[node[MARK] - 1].decode() if MARK in node else {k: _opened(v, secrets) for k, v in node.items()}
    return [_opened(item, secrets) for item in node] if isinstance(node, list) else node


KNOWN: Final[Mapping[str, twins.Twin]] = {**twins.TWINS, **packages.TWINS, **push.TWINS}
