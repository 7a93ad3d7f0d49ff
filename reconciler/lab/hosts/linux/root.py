"""The root folder of a Linux host: real files, and `lab-bin` with the commands that work on them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from reconciler.lab.hosts.host import Fresh
from reconciler.lab.pki import write_private

PROXY_UNIT: Final = "Veeam.Archiver.Proxy.service"
CONFIG: Final = "etc/veeam/backup365/proxy.ini"
TRUST: Final = "etc/veeam/certs/server.pem"
IDENTITY: Final = "etc/veeam/certs/proxy.pem"
SHADOW: Final = "etc/lab-shadow"
SUDOERS: Final = "etc/sudoers.d/lab"
SU: Final = "run/lab/su"
SU_FAULTS: Final = ("denied", "locked", "code", "works")
"""What su does: refuse the user (pam_wheel), refuse every password (root has none), ask for a code before, work."""
RULES: Final = "etc/ufw/lab.rules"
FIREWALL: Final = "etc/ufw/ufw.conf"
RUNTIMES: Final = "usr/share/dotnet/shared"
CLOCK: Final = "var/lib/lab/clock"
FREE: Final = "var/lib/lab/free_gb"
BAD_BUILD: Final = "var/lib/lab/bad_build"
REBOOT: Final = "var/run/reboot-required"
PLACES: Final = "var/lib/lab/places"
PACKAGES: Final = "var/lib/lab/packages"

# Commands of the machine that the lab runs on and that no script of a host may reach.
_REFUSED: Final = (
    "apt",
    "apt-get",
    "dnf",
    "firewall-cmd",
    "mount",
    "reboot",
    "rpm",
    "service",
    "shutdown",
    "useradd",
    "yum",
)

_NAMES: Final = {
    "refused": _REFUSED,
    "iptables": ("iptables", "iptables-save", "iptables-legacy-save", "ip6tables-save"),
}
"""The names of a command that has several."""

_UBUNTU: Final = """\
PRETTY_NAME="Ubuntu 22.04.4 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.4 LTS (Jammy Jellyfish)"
ID=ubuntu
ID_LIKE=debian
"""


def make(root: Path, host: Fresh) -> None:
    """A new Ubuntu server: the firewall is on and lets SSH in alone, .NET is there."""
    for folder in ("opt", "root", "home", "tmp", "run/lab", "var/run", "var/lib/lab", "etc/sudoers.d", "etc/ufw"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    texts = {
        "etc/os-release": _UBUNTU,
        "etc/hostname": f"{host.name.lower()}\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        FIREWALL: "ENABLED=yes\n",
        RULES: "22/tcp\n",
        SUDOERS: "",
        PACKAGES: "",
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="ascii")
    write_private(root / SHADOW, b"")
    set_runtimes(root, present=True)


def equip(root: Path, addresses: Mapping[str, str], places: Mapping[tuple[str, int], tuple[str, int]]) -> None:
    """What every start brings up to date: the lab's commands, the names of the network in /etc/hosts, and where its
    ports really are."""
    folder = root / "lab-bin"
    folder.mkdir(exist_ok=True)
    for command in sorted(resources.files("reconciler.lab.hosts.linux").joinpath("commands").iterdir(), key=str):
        for name in _NAMES.get(command.name, (command.name,)):
            _install(folder / name, command.read_bytes())
    lines = [f"{address} {name}" for name, address in sorted(addresses.items())]
    (root / "etc/hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]), encoding="ascii")
    really = [f"{name} {port} {address} {real}\n" for (name, port), (address, real) in sorted(places.items())]
    (root / PLACES).write_text("".join(really), encoding="ascii")


def _install(file: Path, data: bytes) -> None:
    if not file.exists() or file.read_bytes() != data:
        file.write_bytes(data)
        file.chmod(0o755)


def set_runtimes(root: Path, *, present: bool) -> None:
    folder = root / RUNTIMES
    if not present:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name in ("Microsoft.NETCore.App", "Microsoft.AspNetCore.App"):
        (folder / name / "8.0.11").mkdir(parents=True, exist_ok=True)


def read_config(root: Path) -> dict[str, str]:
    """`proxy.ini` as a map; empty where no proxy service is installed."""
    try:
        lines = (root / CONFIG).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {key: value for key, separator, value in (line.partition("=") for line in lines) if separator}


def write_config(root: Path, values: Mapping[str, str]) -> None:
    file = root / CONFIG
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()), encoding="utf-8")


def has_service(root: Path) -> bool:
    """Whether the unit is there: the configuration alone outlives a package that was removed."""
    return (root / "etc/systemd/system" / PROXY_UNIT).exists()


def is_active(root: Path, unit: str = PROXY_UNIT) -> bool:
    try:
        return (root / "run/lab" / unit).read_text(encoding="ascii").strip() == "active"
    except FileNotFoundError:
        return False


def lets_in(root: Path, port: int) -> bool:
    if "ENABLED=yes" not in (root / FIREWALL).read_text(encoding="ascii"):
        return True
    rules = (root / RULES).read_text(encoding="ascii").split()
    return f"{port}/tcp" in rules or str(port) in rules
