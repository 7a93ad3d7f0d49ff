"""Sends a script to PowerShell: a constant command line, and one blob on standard input (see the bootstrap)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from reconciler.model.script import Script
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


def blob(script: Script, args: Mapping[str, Any]) -> bytes:
    """Standard input of the bootstrap. Scripts for the management server run in PowerShell 7, which its module
    needs."""
    core = script.name.startswith("server/")
    order: dict[str, Any] = {"script": script.text, "args": dict(args), "core": core}
    if core:
        order["pwsh"] = encoded_bootstrap()
    return base64.b64encode(json.dumps(order, ensure_ascii=False).encode())
