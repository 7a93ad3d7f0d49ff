"""What the product's PowerShell module can do and REST cannot: the twins of `playbooks/server/*.ps1` (facts, 9)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.lab.fleet import DeployError
from reconciler.lab.server import certificate, job_rules, repository_upgrades, runner
from reconciler.lab.server.answer import ApiError
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.proxies import alone
from reconciler.lab.server.proxy_model import order

Arguments = Mapping[str, Any]


def run(api: Api, script: str, args: Arguments) -> Mapping[str, Any]:
    """What the script would print. Raises ValueError with the message of its failure."""
    twin = SCRIPTS.get(script)
    if twin is None:
        raise ValueError(f"the lab's server does not know the script {script}")
    try:
        return twin(api, args)
    except ApiError as error:
        raise ValueError(error.message) from error


def version(api: Api, _args: Arguments) -> Mapping[str, Any]:
    api.look(now=True)
    with api.lock:
        proxies = [
            {
                "host": item["hostName"],
                "outdated": api.outdated(item),
                "version": item["version"] if api.online(item) else None,
            }
            for item in api.items("proxies").values()
        ]
        repositories = [
            {"id": item["id"], "outdated": bool(runner.states_of(api, item)["isOutdated"])}
            for item in api.items("repositories").values()
        ]
        return {"version": api.build, "proxies": proxies, "repositories": repositories}


def security_settings(api: Api, _args: Arguments) -> Mapping[str, Any]:
    with api.lock:
        return certificate.settings(api.certificate)


def set_certificate(api: Api, args: Arguments) -> Mapping[str, Any]:
    """Replaces the certificate and hands it to the workgroup proxies; those that are offline lose their trust."""
    new = certificate.from_pfx(str(args.get("pfx") or ""), str(args.get("passphrase") or ""), api.clock())
    with alone(api, "the server certificate"):
        with api.lock:
            old = api.certificate
            proxies = [dict(item) for item in api.items("proxies").values() if item["type"] == "Workgroup"]

        def hand_over(item: Item) -> bool:
            return api.fleet.trust(item["hostName"], item["port"], old=old, new=new, server=api.host)

        api.work.each(hand_over, proxies)
        with api.lock:
            api.state["certificate"] = new
            for item in proxies:
                api.presence.forget(item["id"])
            api.save()
    return {"thumbprint": certificate.thumbprint(new)}


def update_proxy(api: Api, args: Arguments) -> Mapping[str, Any]:
    """One result for each host asked for, in that order; one that fails does not stop the others."""
    asked = [(str(host), group) for group in args.get("groups") or () for host in group.get("proxies") or ()]
    named = {host.lower() for host, _ in asked}
    with api.lock:
        idents = [item["id"] for item in api.items("proxies").values() if item["hostName"].lower() in named]
    api.look(idents, now=True)
    return {"results": api.work.each(lambda item: update_one(api, *item), asked)}


def ssh_settings(linux: Any) -> dict[str, Any]:
    """The script's words for a Linux account to those of REST."""
    if not isinstance(linux, Mapping):
        return {}
    names = {
        "account": "account",
        "password": "accountPassword",
        "passphrase": "privateKeyPassphrase",
        "elevate": "elevateAccountToRoot",
        "use_su": "UseSuIfSudoUnavailable",
        "root_password": "rootPassword",
        "fingerprint": "fingerprint",
        "public_key": "publicBase64Key",
        "port": "port",
    }
    settings = {rest: linux[name] for name, rest in names.items() if linux.get(name)}
    if linux.get("private_key"):
        settings["privateKeyBase64"] = base64.b64encode(str(linux["private_key"]).encode()).decode()
    return settings


def update_one(api: Api, host: str, login: Arguments) -> dict[str, Any]:
    account = {"username": str(login.get("username") or ""), "password": str(login.get("password") or "")}
    ssh = ssh_settings(login.get("linux"))
    with api.lock:
        found = [item for item in api.items("proxies").values() if item["hostName"].lower() == host.lower()]
        if not found:
            return {"host": host, "ok": False, "version": None, "message": "The server does not know this proxy."}
        item = found[0]
        if not api.outdated(item):
            return {"host": host, "ok": True, "version": item["version"], "message": ""}
        given = ({"ssh": ssh} if ssh else {}) if item["operatingSystem"] == "Linux" else account
        ordered = order(api, item, given if given.get("username") or given.get("ssh") else {})
    try:
        with alone(api, host), api.away(item, "upgrade"):
            api.work.wait(api.options.install_seconds)
            done = api.fleet.upgrade(ordered)
    except (ApiError, DeployError) as error:
        return {"host": host, "ok": False, "version": item["version"], "message": str(error)}
    with api.lock:
        item["version"] = done.version
        api.presence.put(item["id"], done.version)
        api.save()
        late = api.outdated(item)
    message = "The proxy is still out of date." if late else ""
    return {"host": host, "ok": not late, "version": done.version, "message": message}


def upgrade_repository(api: Api, args: Arguments) -> dict[str, Any]:
    ident = str(args["id"])
    with api.lock:
        repository = api.find("repositories", ident, "Backup repository")
        outdated, running = runner.states_of(api, repository)["isOutdated"], repository_upgrades.running(api, ident)
        owners = [item["id"] for item in job_rules.owners(api, repository)]
    started = bool(outdated and running is None and args["start"])
    if started:
        api.look(owners, now=True)
        with api.lock:
            repository_upgrades.start(api, repository)
    with api.lock:
        session = repository_upgrades.listed(api, ident)
        return {
            "outdated": bool(runner.states_of(api, repository)["isOutdated"]),
            "active": repository_upgrades.running(api, ident) is not None,
            "session": session["status"] if session else None,
            "started": started,
        }


SCRIPTS: Mapping[str, Callable[[Api, Arguments], Mapping[str, Any]]] = {
    "server/security-settings.ps1": security_settings,
    "server/set-certificate.ps1": set_certificate,
    "server/update-proxy.ps1": update_proxy,
    "server/upgrade-repository.ps1": upgrade_repository,
    "server/version.ps1": version,
}
