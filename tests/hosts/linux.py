"""A Linux host for the shipped shell scripts: a root folder, and commands that answer from a table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.clients.ssh import posix_shell
from reconciler.package_data import shipped_script

UBUNTU = """PRETTY_NAME="Ubuntu 22.04.4 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.4 LTS (Jammy Jellyfish)"
ID=ubuntu
ID_LIKE=debian
"""
GETENT = """case "$1 $2" in
"ahosts vbo01") printf "10.0.0.5 STREAM vbo01\\n10.0.0.5 DGRAM\\n10.0.0.6 STREAM\\n" ;;
"hosts 10.0.0.5") echo "10.0.0.5 vbo01.example.net vbo01" ;;
*) exit 2 ;;
esac"""
REAL = ("sh", "cat", "sed", "tr", "grep", "timeout", "df", "od")
FILES = ("chmod", "cp", "mkdir", "mv", "rm", "sha256sum", "tail")
"""What scripts that handle files use besides."""
SHOWN = "LoadState=not-found\\nActiveState=inactive\\nUnitFileState=\\n"


@dataclass
class Linux:
    """`commands` are bodies of shell scripts by name. PATH holds them and the few real tools that scripts may use."""

    folder: Path
    shell: str = "sh"
    commands: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.folder / "root"
        self.bin = self.folder / "bin"
        for folder in ("etc", "opt", "var/run", "usr/lib"):
            (self.root / folder).mkdir(parents=True)
        self.bin.mkdir()
        (self.root / "etc/os-release").write_text(UBUNTU)
        self.commands = {
            "date": "echo 2026-03-01T12:00:00Z",
            "id": "echo 'uid=0(root) gid=0(root) groups=0(root)'",
            "hostname": "echo px-2.example.net",
            "getent": GETENT,
            "ss": 'printf "LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\\n"',
            "systemctl": f'printf "{SHOWN}"',
            **self.commands,
        }

    def run(self, name: str, params: Mapping[str, Any]) -> subprocess.CompletedProcess[bytes]:
        for command, body in self.commands.items():
            file = self.bin / command
            file.unlink(missing_ok=True)  # it may be a link to the real tool
            file.write_text(f"#!/bin/sh\n{body}\n")
            file.chmod(0o755)
        for command in (*REAL, *FILES):
            found = shutil.which(command)
            if found and not (self.bin / command).exists():
                (self.bin / command).symlink_to(found)
        environment = {"PATH": str(self.bin), "VBO_RECONCILE_ROOT": str(self.root), "LOG": str(self.folder / "log")}
        text = shipped_script(name).text
        sh, *words = self.shell.split()
        return subprocess.run(
            [shutil.which(sh) or sh, *words, "-c", posix_shell.COMMAND.replace(":/usr/sbin:/usr/bin:/sbin:/bin", "")],
            input=posix_shell.standard_input(text, params, seconds=30),
            capture_output=True,
            check=False,
            timeout=30,
            env={**environment, **{key: value for key, value in os.environ.items() if key.startswith("COV")}},
        )

    def ask(self, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        done = self.run(name, params)
        assert done.returncode == 0, done.stderr
        assert done.stderr.decode() == f"{posix_shell.SHELL}\n{posix_shell.STARTED}\n"
        answer: dict[str, Any] = json.loads(posix_shell.output(done.stdout))
        return answer

    def facts(self, **params: Any) -> dict[str, Any]:
        return self.ask("linux/facts.sh", {"port": 9193, "server": "vbo01", **params})

    @property
    def log(self) -> list[str]:
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []
