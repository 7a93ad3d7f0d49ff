"""A host of the lab, whatever its operating system: on or off, its way in, and the proxy service that may run on it."""

from __future__ import annotations

import errno
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Final

from reconciler.lab.hosts import link
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.proxy_service import Installed, ProxyService
from reconciler.lab.hosts.sessions import Send, Sleep, Worker
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority
from reconciler.lab.state import Document

if TYPE_CHECKING:
    from reconciler.clients.smtp import Relay
    from reconciler.lab.hosts.ssh import SshService

_MAIL_SECONDS: Final = 3.0
log = logging.getLogger(__name__)
Close = Callable[[], None]


def _unheard(_event: str) -> None:
    """An address without a listener."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all hosts of a lab share. `folder` is where they keep their states. `ssh` is a function, because only Linux
    hosts need what it gives, and it takes its time."""

    folder: Path
    network: Network
    acceptor: Acceptor
    ssh: Callable[[], SshService]
    authority: Authority
    domain: link.Domain
    send: Send
    clock: Callable[[], datetime]
    sleep: Sleep
    changed: Callable[[str], None] = _unheard
    """Hears of everything that may start or end a proxy service."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A host that does not exist yet. `domain` is empty in a workgroup; `port` is the one that its proxy will use."""

    name: str
    os: str
    domain: str = ""
    port: int = 9193


class Switch(ValueError):
    """A switch that this host does not have, or not with this value."""


class Host(ABC):
    """`name` is the host's name in the network, lower case. The state is in `document`: `power` (on, off or hung),
    `faults`, and what the operating system adds. Change it through `change` only, which makes it come true."""

    transport: ClassVar[str]
    port: ClassVar[int]

    def __init__(self, document: Document, around: Surroundings) -> None:
        self.document = document
        self.around = around
        self.name: str = document.data["name"]
        self._lock = RLock()
        self._close: Close | None = None
        worker = Worker(self.name, around.clock, around.sleep, self._send)
        self.service = ProxyService(self.name, around.network, around.acceptor, around.domain, worker, self._keep_trust)

    @property
    def state(self) -> dict[str, Any]:
        return self.document.data

    @property
    def faults(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.data.setdefault("faults", {})
        return found

    @property
    def is_on(self) -> bool:
        return bool(self.state.get("power", "on") == "on")

    def start(self) -> None:
        """Listen, as far as the host is on."""
        with self._lock:
            if self._close is not None:
                return
            power = self.state.get("power", "on")
            if power == "on":
                self._close = self._listen(self.around.network.listen(self.name, self.port))
            elif power == "hung":
                listener = self.around.network.listen(self.name, self.port)
                self._close = self.around.acceptor.open(listener, _say_nothing).close
        self.settle()

    @property
    def own_name(self) -> str:
        """What the machine calls itself and its certificate is for. The network and the server may know it by another
        name, such as its address."""
        return str(self.state.get("own_name", self.name))

    def call(self, name: str) -> None:
        """Rename the machine; its name in the network stays."""
        if name.lower() == self.own_name:
            return
        with self.document.lock:
            self.state["own_name"] = name.lower()
            self.document.save()
        if self._close is not None:
            self._end()
            self.start()

    def stop(self) -> None:
        """End the way in and the proxy service."""
        self._end()
        self.around.changed(f"{self.name} stops")

    def _end(self) -> None:
        self._hang_up()
        self.service.close()

    def _hang_up(self) -> None:
        with self._lock:
            close, self._close = self._close, None
        if close is not None:
            close()

    def settle(self) -> None:
        """Bring the proxy service in line with its configuration, the firewall and the power."""
        installed = self.installed()
        reachable = self.is_on and installed is not None and self.is_running() and self.lets_in(installed.port)
        self.service.settle(installed if reachable else None, answers=self._answers(installed))
        self.around.changed(f"the proxy service of {self.name} {'runs' if self.service.port else 'does not run'}")

    def _answers(self, installed: Installed | None) -> int | None:
        """How often the proxy service answers: without a limit, or once where an upgrade from the version that is named
        in the fault was to break it."""
        before = self.faults.get("upgrade")
        return 1 if before and installed is not None and installed.version != before else None

    def change(self, key: str, value: str) -> None:
        """Set a switch. Raises Switch."""
        with self._lock:
            switch = self.switches().get(key)
            if switch is None:
                raise Switch(f"{self.name} has no switch {key}; it has {', '.join(sorted(self.switches()))}")
            with self.document.lock:
                switch(value)
                self.document.save()
        self._hang_up()  # the proxy service goes on, as far as the switch lets it
        self.start()

    def switches(self) -> Mapping[str, Callable[[str], None]]:
        """What can be set from outside, by name. The functions raise Switch."""
        return {
            "power": lambda value: self._choose("power", value, "on", "off", "hung"),
            "mail": lambda value: self._fault("mail", value, "blocked", "open"),
            "upgrade": self._break_upgrade,
            "upload": lambda value: self._fault("upload", value, "cut", "whole"),
            "wrong-password": lambda value: self._fault("wrong-password", value, "yes", "no"),
        }

    def connects(self, name: str, port: int) -> bool:
        """Whether the host can connect to a port; with the fault `mail` it cannot."""
        try:
            if "mail" not in self.faults:
                self.around.network.connect(name, port, _MAIL_SECONDS).close()
                return True
        except OSError:
            return False
        return False

    def _send(
        self, name: str, relay: Relay, sender: str, recipients: Sequence[str], message: bytes
    ) -> Mapping[str, str]:
        """Mail from the proxy service."""
        if "mail" in self.faults:
            raise TimeoutError(errno.ETIMEDOUT, f"no connection to {relay.host}: mail is blocked by `lab set`")
        return self.around.send(name, relay, sender, recipients, message)

    def _choose(self, key: str, value: str, *allowed: str) -> None:
        self.state[key] = one_of(key, value, *allowed)

    def _break_upgrade(self, value: str) -> None:
        """`breaks`: after another version was installed, the service answers once and never again."""
        installed = self.installed()
        if one_of("upgrade", value, "breaks", "works") == "breaks" and installed is not None:
            self.faults["upgrade"] = installed.version
        else:
            self.faults.pop("upgrade", None)

    def _fault(self, key: str, value: str, *allowed: str) -> None:
        """The last of `allowed` is how it is without the fault."""
        if one_of(key, value, *allowed) == allowed[-1]:
            self.faults.pop(key, None)
        else:
            self.faults[key] = value

    @abstractmethod
    def _listen(self, listener: socket.socket) -> Close:
        """Serve the way in on `listener`."""

    @abstractmethod
    def installed(self) -> Installed | None:
        """The proxy service as it is configured, running or not."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether the proxy service has been started."""

    @abstractmethod
    def lets_in(self, port: int) -> bool:
        """Whether the firewall lets connections to `port` in."""

    @abstractmethod
    def _keep_trust(self, certificate: str) -> None:
        """Write a new server certificate into the configuration of the proxy service."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What a person wants to know of the host."""

    def _summary(self) -> dict[str, Any]:
        installed = self.installed()
        return {
            "name": self.name,
            "os": self.state["os"],
            "power": self.state.get("power", "on"),
            "faults": dict(sorted(self.faults.items())),
            "proxy": None
            if installed is None
            else {
                "version": installed.version,
                "owner": installed.owner,
                "port": installed.port,
                "type": "domain" if installed.domain else "workgroup",
                "running": self.is_running(),
                "reachable": bool(self.service.port),
            },
        }


def one_of(key: str, value: str, *allowed: str) -> str:
    if value not in allowed:
        raise Switch(f"{key} is one of {', '.join(allowed)}, not {value}")
    return value


def whole(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise Switch(f"{key} is a whole number, not {value}") from error


def _say_nothing(connection: socket.socket) -> None:
    """A host that hangs: it takes the connection and what is sent, and never answers."""
    while connection.recv(65536):
        pass
