"""What only PowerShell on the management server can do. The scripts are in `playbooks/server/`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.failure import StepFailed
from reconciler.kinds import proxy
from reconciler.model.connection import Credential
from reconciler.model.secret import Secret
from reconciler.package_data import shipped_script

_SETTLE_SECONDS: Final = 600
"""How long the server may take until it sees new versions: it is not documented that the cmdlet waits for them."""


def set_certificate(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Give the server the certificate that workgroup proxies shall trust; it hands it on to those that are online."""
    from reconciler.inventory.certificates import pfx_bytes

    certificate = site.access.certificates[params["certificate"]]
    passphrase = site.naming.reveal(certificate.passphrase)
    pfx = pfx_bytes(certificate, site.context)
    arguments = {"pfx": Secret(base64.b64encode(pfx).decode()), "passphrase": Secret(passphrase)}
    answer = _run(site, "server/set-certificate.ps1", arguments)
    if str(answer.get("thumbprint", "")).upper() != params["thumbprint"]:
        raise StepFailed(f"the server now has {answer.get('thumbprint')}, not {params['thumbprint']}")
    return None


def upgrade_proxy(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Update-VBOProxy, with the login of the proxy's host. Upgrades that begin at the same time are one run of the
    script, and those with the same login one call of the cmdlet."""
    host, login = str(params["host"]), site.access.credentials.get(params["credentials"])
    asked: dict[str, Any] = {"host": host, "name": params["credentials"], "login": {}}
    if login is not None and params["os"] == "linux":
        # the host key is a part of what the cmdlet takes as a login, so every Linux proxy has one of its own
        asked |= {"name": f"{login.name} {host}", "login": {"linux": _linux_login(site, params, login)}}
    elif login is not None:
        asked["login"] = {"username": login.username, "password": Secret(site.naming.reveal(login.password))}
    result = site.together.call("server/update-proxy.ps1", asked, lambda items: _update(site, items))
    if not result.get("ok"):
        raise StepFailed(f"{host} was not upgraded: {result.get('message')}")
    return f"now {result.get('version')}" if result.get("version") else None


def _update(site: ApplyContext, asked: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One run of the script; gives the result of each, in the order in which they were asked for."""
    groups: dict[str, dict[str, Any]] = {}
    for item in asked:
        group = groups.setdefault(item["name"], {"proxies": [], **item["login"]})
        group["proxies"].append(item["host"])
    arguments = {"groups": [groups[name] for name in sorted(groups)], "wait": _SETTLE_SECONDS}
    answer = _run(site, "server/update-proxy.ps1", arguments)
    results = {str(result.get("host")).lower(): result for result in answer.get("results", ())}
    silent = {"ok": False, "message": "the server said nothing about it"}
    return [results.get(item["host"].lower(), silent) for item in asked]


def _linux_login(site: ApplyContext, params: Mapping[str, Any], login: Credential) -> dict[str, Any]:
    """New-VBOLinuxCredential's parameters, with the host key that the server sees and that we trust."""
    seen = ssh_settings(site, params["name"], params["host"], proxy.ssh_settings(login.name, site.naming))
    return {
        "account": login.username,
        "password": Secret(site.naming.reveal(login.password)),
        "private_key": Secret(site.naming.reveal(login.private_key)),
        "passphrase": Secret(site.naming.reveal(login.passphrase)),
        "port": seen["port"],
        "elevate": login.sudo,
        "fingerprint": seen["fingerprint"],
        "public_key": seen["publicBase64Key"],
    }


def _run(site: ApplyContext, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    connection = site.access.server.powershell
    with site.host(connection, site.access.server.host) as host:
        answer = host.execute(shipped_script(name), arguments, deadline=site.access.server.deadlines.long)
    return dict(answer)
