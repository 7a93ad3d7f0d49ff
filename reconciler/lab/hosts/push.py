"""How the management server deploys: the lab's own scripts, and the rules that hold on every operating system."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from reconciler.model.script import Script
from reconciler.model.version import version_numbers

_RUNTIMES = (
    # from build, key, least version, name (vendor's user guide: system requirements of proxies)
    ((8, 0), "runtime", (8, 0, 10), ".NET Runtime 8.0.10 or later"),
    ((8, 4), "aspnet", (8, 0, 10), "ASP.NET Core Runtime 8.0.10 or later"),
)
_FRAMEWORK_472 = 461808


class Refusal(Exception):
    """A host does not take the proxy service. `code` is one of those of DeployError."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def answer(self) -> dict[str, Any]:
        """What a push script prints then."""
        return {"ok": False, "code": self.code, "message": str(self)}


def script(name: str) -> Script:
    """A push script of the lab: `push-proxy`, `configure-proxy` or `remove-proxy`, with `.ps1` or `.sh`."""
    text = resources.files("reconciler.lab.hosts").joinpath("scripts", name).read_text(encoding="ascii")
    return Script(name, text)


def runtime_missing(build: str, dotnet: Mapping[str, Any]) -> str:
    """The name of what the proxy service of this build needs and the host lacks; empty where nothing is missing."""
    wanted = version_numbers(build)
    if wanted < (8,):
        return "" if dotnet["framework"] >= _FRAMEWORK_472 else ".NET Framework 4.7.2 or later"
    for since, key, least, name in _RUNTIMES:
        found = (version_numbers(version) for version in dotnet[key])
        if wanted >= since and not any(version[:2] == least[:2] and version >= least for version in found):
            return name
    return ""


def owned(owner: str, server: str) -> None:
    """Raises Refusal where the service on a host belongs to another server."""
    if owner.lower() != server.lower():
        raise Refusal("owned", f"A proxy service that belongs to {owner} is installed on this host.")


def free_for(owner: str, server: str, *, upgrade: bool, takeover: bool) -> None:
    """Raises Refusal where a service that is there stands in the way of a new one. An upgrade is of one's own; a new
    deployment has to take over whatever is there, also what this server left behind when it removed a proxy by force
    (an inference of ours: the product does not document it)."""
    if upgrade:
        owned(owner, server)
    elif not takeover:
        raise Refusal("owned", f"A proxy service that belongs to {owner} is installed on this host.")
