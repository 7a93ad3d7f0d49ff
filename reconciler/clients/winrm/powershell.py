"""Sends a script to PowerShell: a constant command line, and one blob on standard input (see the bootstrap)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from reconciler.model.script import Script
from reconciler.model.secret import Secret
from reconciler.package_data import playbooks_folder

PROGRAM: Final = "powershell.exe"
CHUNK: Final = 96 * 1024
"""Bytes of one Send: 128 KiB in base64, below the maximum envelope of 150 KiB."""


@cache
def encoded_bootstrap() -> str:
    """`playbooks/bootstrap.ps1` without its comments, for -EncodedCommand: base64 of UTF-16."""
    lines = (playbooks_folder() / "bootstrap.ps1").read_text(encoding="ascii").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    return base64.b64encode(text.encode("utf-16-le")).decode()


def arguments() -> list[str]:
    """The arguments of PROGRAM: the same for every script, parameter and host."""
    return ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-EncodedCommand", encoded_bootstrap()]


MARK: Final = "$secret"
"""The key of `{"$secret": 1}`, which stands for a secret in the arguments of a script."""


def blob(script: Script, params: Mapping[str, Any]) -> bytes:
    """Standard input of the bootstrap: a line of JSON, then a line for each secret, all in base64. Scripts for the
    management server run in PowerShell 7, which its module needs.

    Windows can record what cmdlets are given, and the one that reads the JSON is one: no secret is in it.
    """
    core = script.name.startswith("server/")
    secrets: list[str] = []
    args = {name: _numbered(value, secrets) for name, value in params.items()}
    order: dict[str, Any] = {"script": script.text, "args": args, "core": core}
    if core:
        order["pwsh"] = encoded_bootstrap()
    lines = (json.dumps(order, ensure_ascii=False), *secrets)
    return b"\n".join(base64.b64encode(line.encode()) for line in lines)


def _numbered(value: Any, secrets: list[str]) -> Any:
    """`value` with each secret added to `secrets` and replaced by the number of its line."""
    if isinstance(value, Secret):
        if not value.reveal():  # an empty line would be lost at the end
            return ""
        secrets.append(value.reveal())
        return {MARK: len(secrets)}
    if isinstance(value, Mapping):
        return {str(key): _numbered(item, secrets) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        if any(isinstance(item, Secret) for item in value):
            raise TypeError("a secret is the value of a key: the bootstrap does not look for one in a list")
        return [_numbered(item, secrets) for item in value]
    return value
