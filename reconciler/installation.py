"""How this program was installed, for the command that adds the packages of an extra.

Each command works when it is pasted as it is: it names the environment in which this program runs, keeps the extras
that are there, and asks no index for this program, unless that is where it came from.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from reconciler.quoting import pasted
from reconciler.user_folders import APP

_EXTRA: Final = re.compile(r"""\bextra\s*==\s*['"]([\w.-]+)['"]""")
_PIPX: Final = "pipx_metadata.json"
_UV_TOOL: Final = "uv-receipt.toml"


@dataclass(frozen=True, slots=True)
class Installation:
    """`prefix` is the environment, `python` its interpreter; `source` is what PEP 610 records of where the program was
    installed from (`direct_url.json`), empty for an index; `requires` are the requirements of its metadata, None if
    they are not known."""

    prefix: Path
    python: str
    source: Mapping[str, Any]
    requires: tuple[str, ...] | None
    has_pip: bool = True

    @classmethod
    def here(cls) -> Installation:
        """The one of this process."""
        source, requires = {}, None
        with suppress(PackageNotFoundError):
            found = Distribution.from_name(APP)
            requires = tuple(found.requires or ())
            with suppress(ValueError):
                source = json.loads(found.read_text("direct_url.json") or "{}")
        has_pip = find_spec("pip") is not None
        return cls(Path(sys.prefix), sys.executable or "python3", source, requires, has_pip)

    def command(self, extra: str) -> str:
        """The command line that adds the packages of `extra`."""
        if self.requires is None:  # code that is not installed
            checkout = Path(__file__).resolve().parents[1]
            return pasted([self.python, "-m", "pip", "install", "--editable", f"{checkout}[{extra}]"])
        if (self.prefix / _PIPX).is_file():
            return pasted(["pipx", "inject", self.prefix.name, *self._packages(extra)])
        if (self.prefix / _UV_TOOL).is_file() and (source := self._source(extra)):
            return pasted(["uv", "tool", "install", "--force", *source])
        if self.has_pip:
            return pasted([self.python, "-m", "pip", "install", f"{APP}[{extra}]"])
        return pasted(["uv", "pip", "install", "--python", self.python, *self._packages(extra)])

    def elsewhere(self, extra: str, version: str) -> str:
        """What to install on another machine to have the same program, as a word for pip."""
        url = str(self.source.get("url", ""))
        if not url:
            return f"{APP}[{extra}]=={version}"
        if vcs := self.source.get("vcs_info"):
            return f"{APP}[{extra}] @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
        file = _path_of(url)
        if file is None:
            return f"{APP}[{extra}] @ {url}"
        return f"./{file.name}[{extra}]" if file.suffix == ".whl" else f".[{extra}]"

    def _packages(self, extra: str) -> list[str]:
        """The requirements of an extra."""
        found = (item.partition(";") for item in self.requires or ())
        return [what.strip() for what, _, marker in found if _extra_of(marker) == extra]

    def _source(self, extra: str) -> list[str]:
        """The words for `uv tool install`, with what was chosen when the tool was installed; none if the files from
        which it was installed are gone."""
        extras, more, version = _chosen(self.prefix / _UV_TOOL)
        named = f"[{','.join(dict.fromkeys([*extras, extra]))}]"
        url = str(self.source.get("url", ""))
        file = _path_of(url)
        others = [word for requirement in more for word in ("--with", requirement)]
        if vcs := self.source.get("vcs_info"):
            revision = vcs.get("requested_revision") or vcs.get("commit_id")
            return [f"{APP}{named} @ {vcs['vcs']}+{url}@{revision}", *others]
        if not url:
            return [f"{APP}{named}{version}", *others]
        if file is None:
            return [f"{APP}{named} @ {url}", *others]
        if not file.exists():
            return []
        editable = ["--editable"] if self.source.get("dir_info", {}).get("editable") else []
        return [*editable, f"{file}{named}", *others]


def install_command(extra: str) -> str:
    """The command line that adds the packages of an extra to this installation."""
    return Installation.here().command(extra)


def _extra_of(marker: str) -> str:
    found = _EXTRA.search(marker)
    return found[1] if found else ""


def _path_of(url: str) -> Path | None:
    """The file or folder of a `file:` URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    host = f"//{parts.netloc}" if parts.netloc and os.name == "nt" else ""
    return Path(url2pathname(host + parts.path))


def _chosen(receipt: Path) -> tuple[list[str], list[str], str]:
    """Extras of this program, other packages, and the wanted version, as `uv` wrote them down."""
    with suppress(OSError, ValueError):
        asked = list(_entries(tomllib.loads(receipt.read_text("utf-8"))))
        own = next((entry for entry in asked if entry["name"] == APP), {})
        others = [f"{entry['name']}{_with(entry)}" for entry in asked if entry["name"] != APP]
        return list(own.get("extras", ())), others, str(own.get("specifier", ""))
    return [], [], ""


def _with(entry: Mapping[str, Any]) -> str:
    extras = ",".join(entry.get("extras", ()))
    return (f"[{extras}]" if extras else "") + str(entry.get("specifier", ""))


def _entries(receipt: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in receipt.get("tool", {}).get("requirements", ()):
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            yield entry
