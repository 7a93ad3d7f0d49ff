"""Installing the proxy service from a package: to the host, its digest compared there, installed or put back.

The scripts are in `playbooks/linux/` and `playbooks/windows/` (`package-*`). Everything between the first change and
the verdict happens in one script on the host, so a connection that breaks leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.steps.failure import StepFailed
from reconciler.model.errors import Unreachable
from reconciler.package_data import shipped_script

if TYPE_CHECKING:
    from reconciler.model.connection import Connection
    from reconciler.model.script import Script

_START_SECONDS: Final = 90
"""How long a service may take until it runs."""


def upload(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Bring the package to the host, unless it is there from before, and have its SHA-256 compared there."""
    from reconciler.clients.http.download import fetch

    connection = _connection(site, params)
    package = site.access.packages[params["host"]]
    asked = {"sha256": package.sha256, "kind": _kind(params["file"]), "upload": ""}
    stage, long = _script(params, "package-stage"), connection.deadlines.long
    with site.host(connection, params["host"]) as host:
        if host.execute(stage, asked, deadline=connection.deadlines.call)["staged"]:
            tell(f"{params['file']} is on the host already")
            return None
        file = fetch(package, site.access.root, deadline=long)
        sent = host.upload(file, package.sha256, deadline=long)
        host.execute(stage, {**asked, "upload": sent}, deadline=long)
    tell(f"{params['file']} is on the host, and its SHA-256 is right")
    return None


def install(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Install what was sent, start the service and read its version back. The script puts the previous package back
    where that fails; the failure tells both."""
    connection = _connection(site, params)
    package = site.access.packages[params["host"]]
    arguments: dict[str, Any] = {
        "sha256": package.sha256,
        "version": params["version"],
        "fresh": params["fresh"],
        "wait": _START_SECONDS,
    }
    arguments |= {"kind": params["kind"]} if params["os"] == "linux" else {"properties": dict(package.properties)}
    with site.host(connection, params["host"]) as host:
        answer = host.execute(_script(params, "package-install"), arguments, deadline=connection.deadlines.long)
    if not answer["ok"]:
        raise StepFailed(f"{answer['problem']}; {answer['back']}", tuple(answer["log"]))
    tell(f"{answer['version']} runs" + (f", {answer['before']} before" if answer["before"] else ""))
    restart = ", and Windows wants a restart" if answer.get("restart") else ""
    return f"installed {answer['version']}{restart}"


def registered(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Let the host know that its service belongs to a server from now on: nothing of ours takes it over again."""
    connection = _connection(site, params)
    with site.host(connection, params["host"]) as host:
        host.execute(_script(params, "package-registered"), {}, deadline=connection.deadlines.call)
    return None


def _connection(site: ApplyContext, params: Mapping[str, Any]) -> Connection:
    connection = site.access.connections.get(params["host"])
    if connection is None:
        raise Unreachable(params["host"], "connecting", "the inventory does not say how to reach this host")
    return connection


def _kind(file: str) -> str:
    return file.rpartition(".")[2].lower()


def _script(params: Mapping[str, Any], name: str) -> Script:
    return shipped_script(f"{params['os']}/{name}.{'sh' if params['os'] == 'linux' else 'ps1'}")
