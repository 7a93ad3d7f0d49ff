"""Steps on a host, over the connection that the inventory names: remedies of requirements, and the package of the proxy
service.

The scripts of packages are in `playbooks/linux/` and `playbooks/windows/` (`package-*`). Everything between the first
change and the verdict is one script on the host, so that a lost connection leaves nothing half installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.clients.script_output import interpreting
from reconciler.model.steps import ChangeHost, InstallPackage, MarkRegistered, UploadPackage
from reconciler.package_data import shipped_script

if TYPE_CHECKING:
    from reconciler.model.script import Script

_START_SECONDS: Final = 90
"""Seconds that a service may take to start."""


@runs(ChangeHost)
def change_host(context: ApplyContext, step: ChangeHost, report: Reporter) -> str | None:
    """Raises StepFailed, before anything is sent, for a script that no requirement of a playbook names."""
    script = _remedy(context, step.script)
    connection = context.connection(step.host)
    with context.host(step.host) as host:
        host.execute(script, step.arguments, deadline=connection.deadlines.long)
    return None


@runs(UploadPackage)
def upload(context: ApplyContext, step: UploadPackage, report: Reporter) -> str | None:
    """Upload the package unless it is on the host, and verify its SHA-256 there."""
    from reconciler.clients.http.download import fetch

    connection = context.connection(step.host)
    package = context.access.packages[step.host]
    asked = {"sha256": package.sha256, "kind": _kind(step.file), "upload": ""}
    stage, long = _package_script(step.os, "package-stage"), connection.deadlines.long
    with context.host(step.host) as host:
        answer = host.execute(stage, asked, deadline=connection.deadlines.call)
        with interpreting(connection.peer, stage.name):
            staged = bool(answer["staged"])
        if staged:
            report(f"{step.file} is on the host already")
            return None
        file = fetch(package, context.access.root, deadline=long)
        sent = host.upload(file, package.sha256, deadline=long)
        host.execute(stage, {**asked, "upload": sent}, deadline=long)
    report(f"{step.file} is on the host, SHA-256 verified")
    return None


@runs(InstallPackage)
def install(context: ApplyContext, step: InstallPackage, report: Reporter) -> str | None:
    """Install the package, start the service and read its version. If that fails the script installs the previous
    package again, and the error reports both."""
    connection = context.connection(step.host)
    package = context.access.packages[step.host]
    arguments: dict[str, Any] = {
        "sha256": package.sha256,
        "version": step.version,
        "fresh": step.fresh,
        "wait": _START_SECONDS,
    }
    arguments |= {"kind": step.kind} if step.os == "linux" else {"properties": dict(package.properties)}
    script = _package_script(step.os, "package-install")
    with context.host(step.host) as host:
        answer = host.execute(script, arguments, deadline=connection.deadlines.long)
    with interpreting(connection.peer, script.name):
        if not answer["ok"]:
            raise StepFailed(f"{answer['problem']}; {answer['back']}", tuple(str(line) for line in answer["log"]))
        version, before = answer["version"], answer["before"]
        restart = ", Windows must be restarted" if answer.get("restart") else ""
    report(f"{version} runs" + (f", {before} before" if before else ""))
    return f"installed {version}{restart}"


@runs(MarkRegistered)
def registered(context: ApplyContext, step: MarkRegistered, report: Reporter) -> str | None:
    """Mark on the host that its service belongs to a server, so that no later run takes it over."""
    connection = context.connection(step.host)
    with context.host(step.host) as host:
        host.execute(_package_script(step.os, "package-registered"), {}, deadline=connection.deadlines.call)
    return None


def _kind(file: str) -> str:
    return file.rpartition(".")[2].lower()


def _remedy(context: ApplyContext, name: str) -> Script:
    found = [playbook.scripts[name] for playbook in context.playbooks.values() if name in playbook.scripts]
    if not found:
        raise StepFailed(f"no requirement of the playbooks names the script {name}")
    return found[0]


def _package_script(os: str, name: str) -> Script:
    return shipped_script(f"{os}/{name}.{'sh' if os == 'linux' else 'ps1'}")
