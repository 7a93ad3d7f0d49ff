"""The hosts of a lab: created, started, given accounts, stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from reconciler.lab.errors import LabError
from reconciler.lab.hosts.host import Fresh, Host, Surroundings
from reconciler.lab.hosts.windows import machine
from reconciler.lab.hosts.windows.host import WindowsHost
from reconciler.lab.state import Document

_SIDE_BY_SIDE: Final = 8


class Population:
    """The hosts by name, lower case. Each keeps its state in `around.folder`, also when no inventory names it any
    more: a proxy that is to be removed must still be there."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._hosts: dict[str, Host] = {}
        for path in sorted(around.folder.glob("*.json")):
            self._add(Document(path, dict))

    def __iter__(self) -> Iterator[Host]:
        return iter([self._hosts[name] for name in sorted(self._hosts)])

    def find(self, name: str) -> Host | None:
        return self._hosts.get(name.lower())

    def settle(self, wanted: Iterable[Mapping[str, Any]]) -> None:
        """Let these hosts exist with these accounts. Raises LabError for one that exists with another system."""
        for spec in wanted:
            host = self.find(spec["name"]) or self._new(spec)
            if host.state["os"] != spec["os"]:
                raise LabError(
                    f"{host.name} runs {host.state['os']} in the lab, and the inventory says {spec['os']}; "
                    "start over with: lab reset"
                )
            host.state["proxy_name"] = spec.get("alias", "")
            host.call(spec.get("own_name", host.name))
            try:
                _adopt(host, spec)
            except ValueError as error:
                raise LabError(f"{host.name}: {error}") from error
            host.document.save()

    def _new(self, spec: Mapping[str, Any]) -> Host:
        fresh = Fresh(spec["name"], spec["os"], spec["domain"], spec["port"])
        if spec["os"] == "linux":
            from reconciler.lab.hosts.linux.host import fresh as fresh_linux

            state = fresh_linux(fresh)
        else:
            state = machine.fresh(fresh)
        return self._add(Document(_file(self._around.folder, fresh.name), lambda: state))

    def _add(self, document: Document) -> Host:
        if document.data["os"] == "linux":
            from reconciler.lab.hosts.linux.host import LinuxHost

            host: Host = LinuxHost(document, self._around)
        else:
            host = WindowsHost(document, self._around)
        self._around.network.add(host.name)
        if host.state.get("registered_as"):
            self._around.network.alias(host.state["registered_as"], host.name)
        self._hosts[host.name] = host
        return host

    def register(self, host: Host, name: str) -> None:
        """Let the server know a host by another name."""
        with host.document.lock:
            host.state["registered_as"] = name
            host.document.save()
        self._around.network.alias(name, host.name)

    def start(self) -> None:
        """Start those that do not run yet. Linux hosts wait for files and programs, the others for nothing."""
        for host in self:
            if host.state["os"] != "linux":
                host.start()
        with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="lab-start") as pool:
            list(pool.map(lambda host: host.start(), [host for host in self if host.state["os"] == "linux"]))

    def stop(self) -> None:
        for host in self:
            host.stop()


def _file(folder: Path, name: str) -> Path:
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise LabError(f"{name!r} cannot be the name of a host of the lab")
    return folder / f"{name.lower()}.json"


def _adopt(host: Host, spec: Mapping[str, Any]) -> None:
    """Give the accounts their passwords of the moment, rights included; what else the host has stays."""
    if isinstance(host, WindowsHost):
        with host.document.lock:
            for account in spec["accounts"]:
                host.accounts.adopt(account["username"], account["password"])
            for mapped in spec["certificates"]:
                host.trust_client(mapped["pem"], mapped["username"])
        return
    from reconciler.lab.hosts.linux.host import LinuxHost

    if isinstance(host, LinuxHost):
        for account in spec["accounts"]:
            sudo = None if "sudo" in host.faults else account["sudo"]
            if account.get("root"):
                host.accounts.adopt("root", password=account["root"])
            host.accounts.adopt(account["username"], password=account["password"], key=account["key"], sudo=sudo)
