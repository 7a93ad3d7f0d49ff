"""Installation packages of the proxy service, as far as their names say: pure, without reading the files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from reconciler.model.inventory import Resource

ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {"windows": (".msi",), "linux": (".deb", ".rpm")}
"""What a package of each operating system ends with."""

_BUILD = re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+){2,3}(?![0-9]|\.[0-9])")


def is_address(source: str) -> bool:
    return source.startswith("https://")


def file_name(source: str) -> str:
    """The last part of a path or address."""
    path = unquote(re.split("[?#]", source)[0]) if is_address(source) else source
    return path.replace("\\", "/").rpartition("/")[2]


def build_in(source: str) -> str:
    """The build in a file name, `veeamvboproxy_8.5.0.1014_amd64.deb`; empty where there is none or more than one."""
    found = set(_BUILD.findall(file_name(source)))
    return found.pop() if len(found) == 1 else ""


def is_packaged(proxy: Resource) -> bool:
    """Whether the service of a declared proxy is installed by package, and not by the server."""
    return proxy.fields.get("service.install") == "package" and "service.package" in proxy.fields


def wanted_build(proxy: Resource) -> str:
    """The build that the package of a declared proxy holds: as declared, or as its file name says."""
    declared = str(proxy.fields.get("service.version", "server"))
    return build_in(proxy.fields["service.package"]["source"]) if declared == "server" else declared
