"""The proxy service as a Debian package: its files, the script that pushes it, and a .deb that one can carry."""

from __future__ import annotations

import base64
import io
import tarfile
import zipapp
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.model.script import Script
from tests.integration.namespaces import run

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NAME = "veeamvboproxy"
UNIT = "Veeam.Archiver.Proxy.service"
PROGRAM = f"/opt/{NAME}/Veeam.Archiver.Proxy"

_CODE = (
    "__init__.py",
    "clients/__init__.py",
    "clients/smtp.py",
    "lab/__init__.py",
    "lab/fleet.py",
    "lab/hosts/__init__.py",
    "lab/hosts/acceptor.py",
    "lab/hosts/link.py",
    "lab/hosts/proxy_service.py",
    "lab/hosts/sessions.py",
    "lab/network.py",
)
"""What of `reconciler/` the program consists of."""

_CONTROL = f"""\
Package: {NAME}
Version: @BUILD@
Architecture: all
Depends: python3, systemd
Maintainer: Nobody <nobody@example.net>
Description: proxy service of the lab, as its own service
"""
_UNIT = """\
[Unit]
Description=Backup proxy service
After=network.target

[Service]
Type=notify
ExecStart=@PROGRAM@

[Install]
WantedBy=multi-user.target
"""


def program() -> bytes:
    """The proxy service as one executable file."""
    with TemporaryDirectory() as folder:
        tree, made = Path(folder, "tree"), Path(folder, "made")
        for name in _CODE:
            file = tree / "reconciler" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes((ROOT / "reconciler" / name).read_bytes())
        (tree / "__main__.py").write_bytes((HERE / "service.py").read_bytes())
        zipapp.create_archive(tree, made, interpreter="/usr/bin/python3", compressed=True)
        return made.read_bytes()


def files(build: str = "@BUILD@", *, starts: bool = True) -> Mapping[str, tuple[int, bytes]]:
    """Mode and content of everything in the package, by path. Without `starts` its service ends at once."""
    unit = _UNIT.replace("@PROGRAM@", PROGRAM if starts else "/bin/false")
    return {
        "DEBIAN/control": (0o644, _CONTROL.replace("@BUILD@", build).encode()),
        PROGRAM.lstrip("/"): (0o755, program()),
        f"opt/{NAME}/version": (0o644, f"{build}\n".encode()),
        f"lib/systemd/system/{UNIT}": (0o644, unit.encode()),
    }


class Push:
    """The scripts by which the management server installs, configures and removes the service on hosts with systemd.
    Builds in `broken` do not start."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, (mode, data) in files().items():
                member = tarfile.TarInfo(name)
                member.mode, member.size = mode, len(data)
                archive.addfile(member, io.BytesIO(data))
        self._encoded = base64.encodebytes(packed.getvalue()).decode()

    def script(self, name: str) -> Script:
        text = (HERE / name).read_text(encoding="ascii")
        return Script(name, text.replace("@PACKAGE@\n", self._encoded).replace("@BROKEN@", " ".join(self.broken)))


def debian_package(folder: Path, build: str, *, starts: bool = True, depends: str = "") -> Path:
    """A .deb of this build, made with dpkg-deb in `folder`, that `depends` on one more package."""
    tree = folder / f"{NAME}-{build}"
    for name, (mode, data) in files(build, starts=starts).items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode)
    if depends:
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text("ascii").replace("Depends: ", f"Depends: {depends}, "), "ascii")
    made = folder / f"{NAME}_{build}_all.deb"
    run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(made)])
    return made
