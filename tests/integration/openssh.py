"""OpenSSH's own server on loopback, as the user of the tests, who is the only one that it lets in."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

PROGRAMS = ("ssh", "ssh-add", "ssh-agent", "ssh-keygen")


def sshd_program() -> str | None:
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def missing() -> str:
    """Why there can be no server here; empty where nothing is known to stand in the way."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    absent += [] if sshd_program() else ["sshd"]
    return f"not installed: {', '.join(absent)}" if absent else ""


def keygen(*arguments: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def new_key(file: Path, passphrase: str = "", kind: str = "ed25519") -> str:
    """Makes a key and returns its public part: `ssh-ed25519 AAAA…`."""
    keygen("-t", kind, "-N", passphrase, "-C", file.name, "-f", file)
    return " ".join(file.with_name(f"{file.name}.pub").read_text("ascii").split()[:2])


@dataclass
class OpenSsh:
    """A server that runs. `folder` holds `user` and `user.pub`, which may log in, and `host.pub`."""

    folder: Path
    port: int
    user: str

    @property
    def host_key(self) -> str:
        return " ".join((self.folder / "host.pub").read_text("ascii").split()[:2])

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def logged(self, text: str) -> int:
        """How often `text` is in the log, once it is: a session writes of its end after the client has left."""
        end = time.monotonic() + 20
        while text not in self.log and time.monotonic() < end:
            time.sleep(0.05)
        return self.log.count(text)

    def logins(self) -> int:
        return self.log.count("Accepted ")


@contextmanager
def openssh(folder: Path, *settings: str) -> Iterator[OpenSsh]:
    """A server with its own key in `folder`, which is made. `settings` are lines of its configuration; keys that
    are in the folder already are used."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("host", "user"):
        if not (folder / name).exists():
            new_key(folder / name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host",
        f"PidFile {folder}/pid",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "PermitRootLogin yes",
        "UseDNS no",
        "MaxStartups 500",
        "Subsystem sftp internal-sftp",
    ]
    given = {setting.split()[0] for setting in settings}  # which of two lines counts depends on the keyword
    lines = [*(line for line in lines if line.split()[0] not in given), *settings]
    if not any(line.startswith("AuthorizedKeysFile") for line in lines):
        lines.append(f"AuthorizedKeysFile {folder}/user.pub")
    (folder / "sshd_config").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    command = [sshd_program() or "sshd", "-D", "-E", str(folder / "log"), "-f", str(folder / "sshd_config")]
    server = subprocess.Popen(command)
    try:
        _wait(port)
        yield OpenSsh(folder, port, getuser())
    finally:
        server.terminate()
        server.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd did not start")
