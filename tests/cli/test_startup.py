"""Starting is cheap: nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from reconciler.package_data import package_data

HEAVY = {
    "aiosmtpd",
    "asyncio",
    "asyncssh",
    "concurrent",
    "cryptography",
    "difflib",
    "fabric",
    "httpx",
    "invoke",
    "jsonschema",
    "jsonschema_rs",
    "paramiko",
    "requests",
    "rich",
    "spnego",
    "sqlalchemy",
    "ssl",
    "urllib3",
    "winrm",
    "yaml",
}
"""Packages that take their time."""

OURS = {"reconciler.clients", "reconciler.lab", "reconciler.observe", "reconciler.apply", "reconciler.inventory"}

PROBE = """
import json, sys
from reconciler.cli.boundary import run
code = run(sys.argv[1:])
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


def imported(*arguments: str) -> tuple[int, set[str]]:
    """Exit code and imported modules after a command line."""
    ended = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    code, names = json.loads(ended.stderr.splitlines()[-1])
    return code, set(names)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["completion", "zsh"], ["schema", "inventory"]])
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    code, names = imported(*arguments)
    assert code == 0
    assert {name.partition(".")[0] for name in names} & HEAVY == set()
    assert names & OURS == set()


def test_help_of_a_command_imports_no_network() -> None:
    code, names = imported("apply", "--help")
    assert code == 0
    assert {name.partition(".")[0] for name in names} & {
        "httpx",
        "fabric",
        "winrm",
        "rich",
        "yaml",
        "sqlalchemy",
    } == set()


def test_validating_imports_neither_network_nor_database() -> None:
    code, names = imported("validate", "--format", f"json={os.devnull}", str(package_data("inventories", "small.yml")))
    assert code == 0
    loaded = {name.partition(".")[0] for name in names}
    assert loaded & {"httpx", "fabric", "paramiko", "winrm", "rich", "sqlalchemy", "asyncssh"} == set()
    unused = ("reconciler.apply", "reconciler.clients", "reconciler.lab", "reconciler.observe")
    assert names & set(unused) == set()
    assert names & {"reconciler.plan.planner", "reconciler.cli.fleet"} == set()


def test_the_version_is_that_of_the_package() -> None:
    from reconciler import __version__

    ended = subprocess.run(
        [sys.executable, "-m", "reconciler", "--version"], capture_output=True, text=True, check=True
    )
    assert ended.stdout == f"vbo-reconcile {__version__}\n"
    assert ended.stderr == ""
