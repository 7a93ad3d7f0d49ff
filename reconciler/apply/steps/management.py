"""Steps that REST has no operation for: PowerShell on the management server. The scripts are in `playbooks/server/`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.clients.script_output import interpreting
from reconciler.kinds import proxy
from reconciler.model.connection import Credential
from reconciler.model.secret import Secret
from reconciler.model.steps import SetCertificate, UpgradeProxy
from reconciler.package_data import shipped_script

_SETTLE_SECONDS: Final = 600
"""Seconds that the server may take to show new versions: it is not documented that the cmdlet waits for them."""


@runs(SetCertificate)
def set_certificate(context: ApplyContext, step: SetCertificate, report: Reporter) -> str | None:
    """Set the certificate that workgroup proxies trust; the server distributes it to those that are online."""
    from reconciler.inventory.certificates import pfx_bytes

    certificate = context.access.certificates[step.certificate]
    passphrase = context.naming.reveal(certificate.passphrase)
    pfx = pfx_bytes(certificate, context.connection_context)
    arguments = {"pfx": Secret(base64.b64encode(pfx).decode()), "passphrase": Secret(passphrase)}
    answer = run_script(context, "server/set-certificate.ps1", arguments)
    if str(answer.get("thumbprint", "")).upper() != step.thumbprint:
        raise StepFailed(f"the server now has {answer.get('thumbprint')}, not {step.thumbprint}")
    return None


@runs(UpgradeProxy)
def upgrade_proxy(context: ApplyContext, step: UpgradeProxy, report: Reporter) -> str | None:
    """Update-VBOProxy, with the login of the proxy's host. Upgrades that start at the same time share one run of
    the script, and those with the same login one call of the cmdlet."""
    host, login = str(step.host), context.access.credentials.get(step.credentials)
    asked: dict[str, Any] = {"host": host, "name": step.credentials, "login": {}}
    if login is not None and step.os == "linux":
        # the host key is a part of what the cmdlet takes as a login, so each Linux proxy has a separate one
        asked |= {"name": f"{login.name} {host}", "login": {"linux": _linux_login(context, step, login)}}
    elif login is not None:
        asked["login"] = {"username": login.username, "password": Secret(context.naming.reveal(login.password))}
    result = context.batcher.call("server/update-proxy.ps1", asked, lambda items: _update(context, items))
    if not result.get("ok"):
        raise StepFailed(f"{host} was not upgraded: {result.get('message')}")
    return f"now {result.get('version')}" if result.get("version") else None


def _update(context: ApplyContext, asked: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One run of the script; returns the results in the order of `asked`."""
    groups: dict[str, dict[str, Any]] = {}
    for item in asked:
        group = groups.setdefault(item["name"], {"proxies": [], **item["login"]})
        group["proxies"].append(item["host"])
    arguments = {"groups": [groups[name] for name in sorted(groups)], "wait": _SETTLE_SECONDS}
    answer = run_script(context, "server/update-proxy.ps1", arguments)
    with interpreting(context.access.server.host, "server/update-proxy.ps1"):
        results = {str(result.get("host")).lower(): dict(result) for result in answer.get("results", ())}
    silent = {"ok": False, "message": "the script returned no result for it"}
    return [results.get(item["host"].lower(), silent) for item in asked]


def _linux_login(context: ApplyContext, step: UpgradeProxy, login: Credential) -> dict[str, Any]:
    """New-VBOLinuxCredential's parameters, with the host key that the server sees and the inventory trusts."""
    seen = ssh_settings(context, step.name, str(step.host), proxy.ssh_settings(login.name, context.naming))
    return {
        "account": login.username,
        "password": Secret(context.naming.reveal(login.password)),
        "private_key": Secret(context.naming.reveal(login.private_key)),
        "passphrase": Secret(context.naming.reveal(login.passphrase)),
        "port": seen["port"],
        "elevate": login.elevates,
        "use_su": login.su,
        "root_password": Secret(context.naming.reveal(login.root_password)),
        "fingerprint": seen["fingerprint"],
        "public_key": seen["publicBase64Key"],
    }


def run_script(context: ApplyContext, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of a script on the management server. Raises RemoteError."""
    connection = context.access.server.powershell
    with context.host(connection, context.access.server.host) as host:
        answer = host.execute(shipped_script(name), arguments, deadline=context.access.server.deadlines.long)
    with interpreting(context.access.server.host, name):
        return dict(answer)
