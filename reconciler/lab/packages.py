"""Installation packages in the lab: the user's own where they are files, stand-ins for what would be downloaded or is
not there. A package of the lab is one line of text that the hosts' installers read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.kinds.packages import file_name, is_address, is_packaged, wanted_build
from reconciler.lab.pki import write_private
from reconciler.model.connection import Package
from reconciler.model.inventory import Inventory

NAME: Final = "veeamvboproxy"


def text_of(build: str, word: str = "") -> bytes:
    """A package of the lab. With the word `refused` installers say no to it."""
    return " ".join(part for part in ("lab-package", NAME, build, word) if part).encode() + b"\n"


def stand_ins(inventory: Inventory, folder: Path) -> dict[str, Package]:
    """The packages of all proxies, by name; those that the lab made have absolute paths into `folder`."""
    made = {}
    for proxy in inventory.of_kind("proxy"):
        package = inventory.access.packages.get(proxy.name)
        if package is None or not is_packaged(proxy):
            continue
        if not is_address(package.source) and Path(inventory.access.root, package.source).is_file():
            made[proxy.name] = package
        else:
            made[proxy.name] = _stand_in(package, wanted_build(proxy), folder)
    return made


def _stand_in(package: Package, build: str, folder: Path) -> Package:
    data = text_of(build)
    file = folder / build / file_name(package.source)
    if not file.is_file() or file.read_bytes() != data:
        write_private(file, data)
    return replace(package, source=str(file), sha256=hashlib.sha256(data).hexdigest(), ca_file="")
