"""Installation packages of the proxy service, as far as their names say: pure, without reading the files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {"windows": (".msi",), "linux": (".deb", ".rpm")}
"""What a package of each operating system ends with."""

_BUILD = re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+){2,3}(?![0-9]|\.[0-9])")


def is_address(source: str) -> bool:
    return source.startswith("https://")


def file_name(source: str) -> str:
    """The last part of a path or address."""
    path = unquote(urlsplit(source).path) if is_address(source) else source
    return path.replace("\\", "/").rpartition("/")[2]


def build_in(source: str) -> str:
    """The build in a file name, `veeamvboproxy_8.5.0.1014_amd64.deb`; empty where there is none or more than one."""
    found = set(_BUILD.findall(file_name(source)))
    return found.pop() if len(found) == 1 else ""
