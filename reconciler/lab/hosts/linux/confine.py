"""Commands of a Linux host see its root folder as `/`, as SFTP does, if this machine lets its users make namespaces.

Each command has a user and a mount namespace: programs and libraries of this machine are mounted read-only below the
root folder, which then becomes the root. If that is impossible, commands see this machine, and VBO_RECONCILE_ROOT says
where the root folder is. Confinement keeps honest scripts in the lab; it does not stop hostile ones, which still
run as the user of the lab, on its network.
"""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from reconciler.lab.pki import write_private

log = logging.getLogger(__name__)
_TOOLS: Final = tuple(Path("/usr/bin") / name for name in ("unshare", "setpriv", "mount", "umount"))
_SECONDS: Final = 60.0
_OLD: Final = ".lab-old"
"""Where the root of this machine is for a moment, below the root of the host."""
_PROGRAMS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libexec")
_FOLDERS: Final = (*_PROGRAMS, *(f"usr/{name}" for name in _PROGRAMS), "etc/alternatives")
_HIDDEN: Final = "usr/lib/dotnet"
"""Programs that a host of the lab has in its own folders, or not at all."""
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_KERNEL: Final = ("proc", "dev/pts")
_ENTER: Final = (
    f'PATH=$PATH:/usr/sbin:/sbin mount --all --fstab "$1" && cd "$2" && PATH=$PATH:/usr/sbin:/sbin pivot_root . {_OLD}'
    f' && umount -l {_OLD} && cd "$HOME" && unset OLDPWD'
    " && exec /usr/bin/setpriv --no-new-privs --bounding-set=-all --inh-caps=-all"
    ' /bin/sh -c "$3"'
)


def confining(root: Path, table: Path) -> Sequence[str]:
    """The arguments after which a command line of the host at `root` stands; empty if commands cannot be confined.
    `table` is a file of the lab for what is mounted."""
    return _confining(root, table) if is_possible() else ()


@cache
def is_possible() -> bool:
    """Tried once, with a host that has nothing."""
    if not all(tool.exists() for tool in _TOOLS):
        return False
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/"}
        arguments = [*_confining(root, Path(folder) / "table"), f"test ! -e {shlex.quote(folder)} && echo x >/dev/null"]
        try:
            tried = subprocess.run(
                arguments, env=environment, cwd="/", capture_output=True, check=False, timeout=_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            log.debug("commands of the lab are not confined: %s", error)
            return False
    log.debug("commands of the lab are confined: %s", tried.returncode == 0)
    return tried.returncode == 0


def _confining(root: Path, table: Path) -> Sequence[str]:
    root = root.resolve()
    lines = [_line(root, root, "rbind"), *_mounts(root)]
    write_private(table, os.fsencode("".join(lines)))
    (root / _OLD).mkdir(exist_ok=True)
    unshare = ("/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--")
    return (*unshare, "/bin/sh", "-c", _ENTER, "sh", str(table), str(root))


def _mounts(root: Path) -> Iterator[str]:
    """Lines of the table; what they are mounted on is made."""
    for name in _FOLDERS:
        real, place = Path("/") / name, root / name
        if real.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            yield _line(real.resolve(), place, "bind,ro")
    if (Path("/") / _HIDDEN).is_dir():
        yield f"none {_escaped(root / _HIDDEN)} tmpfs ro 0 0\n"
    for name in _DEVICES:
        place = root / "dev" / name
        place.parent.mkdir(exist_ok=True)
        place.touch()
        yield _line(Path("/dev") / name, place, "bind")
    for name in _KERNEL:
        if (Path("/") / name).is_dir():
            (root / name).mkdir(exist_ok=True)
            yield _line(Path("/") / name, root / name, "rbind")


def _line(real: Path, place: Path, how: str) -> str:
    return f"{_escaped(real)} {_escaped(place)} none {how} 0 0\n"


def _escaped(path: Path) -> str:
    """As in fstab(5)."""
    return "".join(f"\\{ord(char):03o}" if char in ' \t\n\\"#' else char for char in str(path))
