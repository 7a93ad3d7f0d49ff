"""The root file system that every host of these tests starts from: a small Debian, of the release that runs here.

It is built once with mmdebstrap from the Debian mirror that this machine uses, and kept in a private folder. Hosts
never write to it: each has its own overlay.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

PACKAGES = (
    "busybox",
    "ca-certificates",
    "csh",
    "dbus",
    "firewalld",
    "fish",
    "iproute2",
    "libpam-systemd",
    "netbase",
    "nftables",
    "openssh-server",
    "procps",
    "python3",  # the proxy service of these tests is a Python program
    "sudo",
    "systemd",
    "systemd-sysv",
    "ufw",
)
_UNWANTED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "firewalld.service",
    "fstrim.timer",
    "getty.target",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
)
_NETWORK_WAITS = "systemd-networkd-wait-online.service"
_KEPT = 7 * 24 * 3600
"""Seconds after which an image that no one used is removed. Another checkout may have hosts on another one."""


class NoImage(Exception):
    """The image cannot be built here; the message says why."""


def image() -> Path:
    """The folder of the image, built first where that has not been done. Raises NoImage."""
    release = _os_release()
    if release.get("ID") != "debian":
        raise NoImage(f"this machine runs {release.get('ID', 'something unknown')}, and the image is made on Debian")
    script = Path(__file__).read_bytes()
    mark = hashlib.sha256(release["VERSION_CODENAME"].encode() + script).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vbo-reconcile-tests"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = cache / f"debian-{mark}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for old in cache.glob("debian-*"):
            if old != wanted and time.time() - old.stat().st_mtime > _KEPT:
                shutil.rmtree(old)
        if not wanted.is_dir():
            _build(wanted, release["VERSION_CODENAME"])
        os.utime(wanted)
    return wanted


def _os_release() -> Mapping[str, str]:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {key: value.strip('"') for key, separator, value in pairs if separator}


def _build(folder: Path, release: str) -> None:
    if shutil.which("mmdebstrap") is None:
        raise NoImage("mmdebstrap is not installed")
    with tempfile.TemporaryDirectory(prefix="image-", dir=folder.parent) as made:
        root = Path(made, "root")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=directory"]
        command += [f"--include={','.join(PACKAGES)}", *(f"--aptopt={setting}" for setting in _apt_settings())]
        built = subprocess.run(
            [*command, release, str(root), f"deb {_mirror(release)} {release} main"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if built.returncode:
            raise NoImage(f"mmdebstrap failed: {built.stderr.strip()[-800:]}")
        _settle(root)
        root.rename(folder)


def _mirror(release: str) -> str:
    """The mirror that this machine's own apt uses for the release."""
    answer = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in answer.stdout.splitlines():
        uri, suite, component = line.split()
        if (suite, component) == (release, "main"):
            return uri
    raise NoImage(f"the apt of this machine has no source for Debian {release}")


def _apt_settings() -> list[str]:
    """How this machine's apt gets to the mirror, where that is through a proxy."""
    answer = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    return [line for line in answer.stdout.splitlines() if line.startswith(("Acquire::http", "Acquire::https"))]


def _settle(root: Path) -> None:
    """Nothing that hosts must not share (keys, machine id), nothing that slows a start down."""
    for path in [*root.glob("etc/ssh/ssh_host_*"), root / "var/lib/dbus/machine-id"]:
        path.unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")
    for unit in (*_UNWANTED, _NETWORK_WAITS):
        (root / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    for unit in ("systemd-networkd.service", "ssh.service"):
        link = root / "etc/systemd/system/multi-user.target.wants" / unit
        link.unlink(missing_ok=True)
        link.symlink_to(f"/lib/systemd/system/{unit}")
    settings = root / "etc/systemd/system.conf.d/stop.conf"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("[Manager]\nDefaultTimeoutStopSec=5s\n")  # an SSH session that is open holds a shutdown up
