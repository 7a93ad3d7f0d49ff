"""What Windows can record of a script: with module logging on for every module, no event 4103 holds a secret.

The engine here logs to syslog, at /dev/log: a separate namespace gives it one that the test reads.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from reconciler.clients.winrm.powershell import blob
from reconciler.lab.pki import Authority
from reconciler.model.secret import Secret
from reconciler.package_data import shipped_script
from tests.hosts import windows
from tests.hosts.powershell import STUBS, Windows, bootstrap, run_text

pytestmark = pytest.mark.matrix

ENTER = """
mount -t tmpfs none "$1" && for device in null zero full random urandom; do
    : >"$1/$device" && mount --bind "/dev/$device" "$1/$device" || exit
done
ln -s "$2" "$1/log" && mount --rbind "$1" /dev && shift 2 && exec "$@"
"""
LOGGED = f"""
New-Module -Name Product -ScriptBlock ([ScriptBlock]::Create([IO.File]::ReadAllText('{STUBS}'))) |
    Microsoft.PowerShell.Core\\Import-Module -Global
Get-Command -CommandType Cmdlet | ForEach-Object {{ $_.PSSnapIn; $_.Module }} | Where-Object {{ $_ }} |
    ForEach-Object {{ $_.LogPipelineExecutionDetails = $true }}
Get-Module | ForEach-Object {{ $_.LogPipelineExecutionDetails = $true }}
"""


class Records:
    """Reads a socket at which an engine logs, as syslog does."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.place = folder / "log"
        self._socket.bind(str(self.place))
        self._texts: list[str] = []
        self._thread = Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while text := self._socket.recv(1 << 20):
            self._texts.append(text.decode("utf-8", "replace"))

    def end(self) -> str:
        """Everything that was logged."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.place))
        self._thread.join()
        self._socket.close()
        return "\n".join(self._texts)


@pytest.fixture
def entering(tmp_path: Path) -> Sequence[str]:
    """The arguments before a command that gets a /dev/log."""
    (tmp_path / "dev").mkdir()
    script = ("/bin/sh", "-c", ENTER, "sh", str(tmp_path / "dev"), str(tmp_path / "log"))
    entering = ("unshare", "--user", "--map-root-user", "--mount", *script)
    try:
        subprocess.run([*entering, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no user and mount namespaces can be made here")
    return entering


@contextmanager
def recording(folder: Path) -> Iterator[list[str]]:
    """Gives a list that holds what was logged, after the end."""
    records, found = Records(folder), list[str]()
    try:
        yield found
    finally:
        found.append(records.end())


def forms(secret: str) -> tuple[str, ...]:
    """How a secret may stand in a record: as it is, as JSON, and as it travels."""
    return secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()


def play(
    tmp_path: Path, entering: Sequence[str], script: str, args: dict[str, Any], world: dict[str, Any] | None = None
) -> str:
    """Run a script for the server, through the bootstrap. What was logged."""
    server = Windows(tmp_path, world or windows.server())
    (tmp_path / "world.json").write_text(json.dumps(server.world))
    data = blob(shipped_script(script), args)
    with recording(tmp_path) as found:
        outcome = run_text(f"{LOGGED}\n{bootstrap()}", data, server.environment, before=entering)
    assert outcome.code == 0, outcome.stderr
    return found[0]


def test_cmdlets_that_set_the_certificate(tmp_path: Path, entering: Sequence[str]) -> None:
    pfx = base64.b64encode(Authority(tmp_path / "pki").self_signed("new").pfx("s3same-canary")).decode()
    args = {"pfx": Secret(pfx), "passphrase": Secret("s3same-canary")}
    logged = play(tmp_path, entering, "server/set-certificate.ps1", args)
    assert "CommandInvocation(Set-VBOSecuritySettings)" in logged
    assert 'value="System.Security.SecureString"' in logged
    assert "ParameterBinding(ConvertFrom-Json)" in logged
    for form in (*forms("s3same-canary"), pfx[:60], base64.b64encode(pfx.encode()).decode()[:60]):
        assert form not in logged


def test_cmdlets_that_upgrade_proxies(tmp_path: Path, entering: Sequence[str]) -> None:
    """Also one by one, after the call for all has failed."""
    secrets = {"password": "pa55-canary\n", "private_key": "KEY-canary", "passphrase": "phrase-canary"}
    linux = {
        "account": "backup",
        "password": Secret("linux-canary"),
        "private_key": Secret(secrets["private_key"]),
        "passphrase": Secret(secrets["passphrase"]),
        "port": 22,
        "elevate": True,
        "fingerprint": "F",
    }
    groups = [
        {"proxies": ["px-1", "px-2"], "username": "CORP\\svc", "password": Secret(secrets["password"])},
        {"proxies": ["px-3"], "linux": linux},
    ]
    world = {**windows.server(), "forgets_logins": True}
    world["product"]["proxies"][0]["refuses"] = "Access is denied."
    world["product"]["proxies"] += [{"Hostname": "px-3", "IsOutdated": True, "Version": "8.0.2.159"}]
    logged = play(tmp_path, entering, "server/update-proxy.ps1", {"groups": groups, "wait": 0}, world)
    assert logged.count("CommandInvocation(Update-VBOProxy)") == 4
    for command in ("Update-VBOProxy", "New-VBOLinuxCredential", "New-Object"):
        assert f"CommandInvocation({command})" in logged
    for secret in (*secrets.values(), "linux-canary"):
        for form in forms(secret):
            assert form not in logged, form


def test_a_record_shows_what_a_cmdlet_is_given(tmp_path: Path, entering: Sequence[str]) -> None:
    """That nothing is found means something: the same logging has a secret that a cmdlet was given."""
    server = Windows(tmp_path, windows.server())
    (tmp_path / "world.json").write_text(json.dumps(server.world))
    with recording(tmp_path) as found:
        run_text(f"{LOGGED}\n$null = Get-Random -InputObject 'canary'", b"", server.environment, before=entering)
    assert 'ParameterBinding(Get-Random): name="InputObject"; value="canary"' in found[0]
