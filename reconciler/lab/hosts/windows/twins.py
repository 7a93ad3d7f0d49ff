"""The twins of `playbooks/windows/*.ps1`: the same answer to the same question, on the host's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from reconciler.lab.hosts.windows import machine
from reconciler.package_data import shipped_script
from reconciler.requirements.facts import example

Arguments = Mapping[str, Any]


class ScriptError(Exception):
    """A script ends with an error: exit code 70 and one line of JSON."""


@dataclass(frozen=True, slots=True)
class World:
    """What twins work on. `state` may be changed. `resolve` gives the addresses of a name, `reverse` the names of an
    address; `account` is who runs the script, `files` the folder on the host where our scripts keep theirs; `connects`
    whether the mail server can be reached, `reaches` whether any port can, None if that is not known."""

    state: dict[str, Any]
    now: datetime
    resolve: Callable[[str], Sequence[str]]
    reverse: Callable[[str], Sequence[str]]
    files: Path
    account: str = ""
    connects: Callable[[str, int], bool] = lambda _name, _port: False
    reaches: Callable[[str, int], bool | None] = lambda _name, _port: None


Twin = Callable[[World, Arguments], Any]


def facts(world: World, args: Arguments) -> dict[str, Any]:
    """Facts that the lab does not emulate are those of the script's example, which meets every requirement."""
    found = dict(_example())
    for part, value in emulated_facts(world, args).items():
        found[part] = {**found[part], **value} if isinstance(value, dict) else value
    return found


@cache
def _example() -> Mapping[str, Any]:
    return example(shipped_script("windows/facts.ps1"))


def emulated_facts(world: World, args: Arguments) -> dict[str, Any]:
    state, port, server = world.state, int(args["port"]), str(args.get("server") or "")
    name, smtp = machine.short_name(state), str(args.get("smtp") or "")
    addresses = list(world.resolve(server))
    utc = world.now + timedelta(seconds=state["clock"])
    proxy = state["proxy"]
    service: dict[str, Any] = {"installed": False, "version": None, **machine.MISSING}
    if proxy:
        service = {"installed": True, **{key: proxy[key] for key in ("version", "start", "state")}}
    notes = {"unfinished": "attempt", "unregistered": "unregistered"}
    if world.files.is_dir():
        service |= {name: True for name, note in notes.items() if (world.files / note).exists()}
    listening = machine.is_running(state) and proxy["port"] == port
    return {
        "os": {"family": "windows", "name": state["caption"], "version": state["release"]},
        "host": {"name": name.upper(), "fqdn": f"{name}.{state['domain']}" if state["domain"] else name},
        "clock": {"utc": utc.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "account": {"user": world.account, "admin": "admin" not in state["faults"]},
        "hardware": dict(state.get("hardware", machine.HARDWARE)),
        "mail": {"server": smtp, "reachable": world.connects(smtp, int(args["smtp_port"])) if smtp else None},
        "certificates": {"ends": []},
        "domain": {"member": bool(state["domain"]), "name": state["domain"]},
        "powershell": dict(state["powershell"]),
        "dotnet": dict(state["dotnet"]),
        "remote_registry": dict(state["remote_registry"]),
        "firewall": {"port": f"{port} {'open' if machine.lets_in(state, port) else 'closed'}"},
        "admin_share": state["admin_share"],
        "disk": {"free_gb": state["free_gb"]},
        "reboot": {"pending": bool(state["reboot"]), "reasons": list(state["reboot"])},
        "server": {
            "name": server,
            "addresses": addresses,
            "reverse": [found for address in addresses for found in world.reverse(address)],
        },
        "service": {**service, "listening": listening},
    }


def remote_registry(world: World, args: Arguments) -> dict[str, Any]:
    del args
    world.state["remote_registry"] = {"start": "automatic", "state": "running"}
    return {"start": "automatic", "state": "running"}


def open_port(world: World, args: Arguments) -> dict[str, Any]:
    """One rule of ours for each port: the rule of an older one stays."""
    port = int(args["port"])
    firewall = world.state["firewall"]
    firewall["ports"] = sorted({*firewall["ports"], port})
    return {"port": port, "rule": f"vbo-reconcile proxy {port}"}


def names(world: World, args: Arguments) -> dict[str, Any]:
    found = []
    for host in args["hosts"]:
        addresses = list(world.resolve(host))
        reverse = [name for address in addresses for name in world.reverse(address)]
        found.append({"host": host, "addresses": addresses, "reverse": reverse})
    return {"names": found}


def reach(world: World, args: Arguments) -> dict[str, Any]:
    found = []
    for target in str(args["targets"]).split():
        name, _, port = target.rpartition(":")
        found.append({"target": target, "open": world.reaches(name, int(port))})
    return {"ports": found}


READING: Final = frozenset({"server/names.ps1", "windows/facts.ps1", "windows/reach.ps1"})
"""The twins that leave the state of the host as it is."""

TWINS: Final[Mapping[str, Twin]] = {
    "server/names.ps1": names,
    "windows/facts.ps1": facts,
    "windows/open-port.ps1": open_port,
    "windows/reach.ps1": reach,
    "windows/remote-registry.ps1": remote_registry,
}
