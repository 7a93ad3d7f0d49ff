"""What only PowerShell on the management server can do. The scripts are in `playbooks/server/`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from reconciler.apply.site import Site, Tell
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.failure import StepFailed
from reconciler.kinds import proxy
from reconciler.model.connection import Credential
from reconciler.model.secret import Secret


def set_certificate(site: Site, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Give the server the certificate that workgroup proxies shall trust; it hands it on to those that are online."""
    from reconciler.inventory.certificates import pfx_bytes

    certificate = site.access.certificates[params["certificate"]]
    passphrase = site.naming.reveal(certificate.passphrase)
    pfx = pfx_bytes(certificate, site.resolver, site.access.root)
    arguments = {"pfx": Secret(base64.b64encode(pfx).decode()), "passphrase": Secret(passphrase)}
    answer = _run(site, "server/set-certificate.ps1", arguments)
    if str(answer.get("thumbprint", "")).upper() != params["thumbprint"]:
        raise StepFailed(f"the server now has {answer.get('thumbprint')}, not {params['thumbprint']}")
    return None


def upgrade_proxy(site: Site, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Update-VBOProxy for one proxy, with the login of its host, then wait until the server sees the new version."""
    arguments: dict[str, Any] = {"proxies": [params["host"]]}
    login = site.access.credentials.get(params["credentials"])
    if login is not None and params["os"] == "linux":
        arguments["linux"] = _linux_login(site, params, login)
    elif login is not None:
        arguments |= {"username": login.username, "password": Secret(site.naming.reveal(login.password))}
    answer = _run(site, "server/update-proxy.ps1", arguments)
    for result in answer.get("results", ()):
        if not result.get("ok"):
            raise StepFailed(f"{result.get('host')} was not upgraded: {result.get('message')}")
    return f"now {answer['results'][0].get('version')}" if answer.get("results") else None


def _linux_login(site: Site, params: Mapping[str, Any], login: Credential) -> dict[str, Any]:
    """New-VBOLinuxCredential's parameters, with the host key that the server sees and that we trust."""
    seen = ssh_settings(site, params["name"], params["host"], proxy.ssh_settings(login.name, site.naming))
    return {
        "account": login.username,
        "password": Secret(site.naming.reveal(login.password)),
        "private_key": Secret(site.naming.reveal(login.private_key)),
        "passphrase": Secret(site.naming.reveal(login.passphrase)),
        "elevate": login.sudo,
        "fingerprint": seen["fingerprint"],
        "public_key": seen["publicBase64Key"],
    }


def _run(site: Site, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    from reconciler.hosts import shipped

    connection = site.access.server.powershell
    with site.host(connection, site.access.server.host) as host:
        answer = host.execute(shipped(name), arguments, deadline=site.access.server.deadlines.long)
    return dict(answer)
