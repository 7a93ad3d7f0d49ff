"""The twins of the lab's own scripts: what the management server does to a Windows host when it deploys a proxy.

Real hosts are reached through ADMIN$ and the service manager; the lab's are reached through WinRM, and what would stop
the real ones stops these too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.lab.hosts.push import Refusal, free_for, owned, runtime_missing
from reconciler.lab.hosts.windows.twins import Arguments, Twin, World


def refusing(twin: Twin) -> Twin:
    """A refusal is an answer too."""

    def answered(world: World, args: Arguments) -> Any:
        try:
            return twin(world, args)
        except Refusal as refusal:
            return refusal.answer

    return answered


def push(world: World, args: Arguments) -> dict[str, Any]:
    state = world.state
    if not state["admin_share"]:
        raise Refusal("admin-share", f"The network path \\\\{state['name']}\\ADMIN$ was not found.")
    if args["domain"] and not state["domain"]:
        raise Refusal("credentials", f"{state['name']} is not a member of a domain that the server trusts.")
    running = state["remote_registry"]["state"] == "running"
    if not args["domain"] and not running:
        raise Refusal("remote-registry", f"The Remote Registry service is not running on {state['name']}.")
    missing = runtime_missing(str(args["build"]), state["dotnet"])
    if missing:
        raise Refusal("dotnet", f"{missing} is not installed on {state['name']}.")
    proxy = state["proxy"]
    if proxy:
        upgrade, takeover = bool(args["upgrade"]), bool(args["takeover"])
        free_for(proxy["owner"], str(args["server"]), upgrade=upgrade, takeover=takeover)
    build = proxy["version"] if proxy and args.get("keep") else args["build"]
    state["proxy"] = {
        "version": build,
        "owner": args["server"],
        "port": args["port"],
        "domain": args["domain"],
        "account": args["account"],
        "trust": args["trust"],
        "identity": args["identity"],
        "start": "automatic",
        "state": "running",
    }
    return {"ok": True, "version": build, "previous": _shown(proxy)}


def configure(world: World, args: Arguments) -> dict[str, Any]:
    proxy = world.state["proxy"]
    if not proxy:
        raise Refusal("service", "The proxy service is not installed.")
    owned(proxy["owner"], str(args["server"]))
    previous = _shown(proxy)
    proxy |= {key: args[key] for key in ("port", "account")} | {"state": "running"}
    return {"ok": True, "version": proxy["version"], "previous": previous}


def remove(world: World, args: Arguments) -> dict[str, Any]:
    proxy = world.state["proxy"]
    if proxy:
        owned(proxy["owner"], str(args["server"]))
    world.state["proxy"] = None
    return {"ok": True, "previous": _shown(proxy)}


def _shown(proxy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {key: proxy[key] for key in ("version", "port", "account")} if proxy else None


TWINS: Final[Mapping[str, Twin]] = {
    "push-proxy.ps1": refusing(push),
    "configure-proxy.ps1": refusing(configure),
    "remove-proxy.ps1": refusing(remove),
}
