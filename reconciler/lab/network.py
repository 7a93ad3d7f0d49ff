"""The lab's network: the names and ports of an inventory, mapped to loopback.

Every host of the lab has its own address (127.x.y.z) where the system lets us bind one, and then a port from
1024 on is really that port there. Elsewhere (macOS, a port in use, a port below 1024) it is some free port. Clients
rely on neither: they ask `resolve` first.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from collections.abc import Callable, Collection
from threading import Lock
from typing import Final

FALLBACK: Final = "127.0.0.1"
_FIRST_UNPRIVILEGED: Final = 1024
_PER_BLOCK: Final = 254
_BLOCKS: Final = 256
_BACKLOG: Final = 128

Place = tuple[str, int]
"""An address and a port where something really listens."""


class UnknownName(OSError):
    """A name that is not a host of the lab: in a real network it would not resolve."""


SERVED: Final[Place] = ("-", 0)
"""The place of a port that nothing listens for: see `Network.serve`."""


class Network:
    """Names and ports to places. Letter case of names does not matter.

    `seed` is a text that no other lab on this machine has (the path of the state folder): addresses are derived from
    it, so that labs side by side do not collide. Every place stays the same as long as the network lives, whether
    something listens there or not; where nothing listens, connections are refused.

    `area` are the first two numbers of the addresses, of loopback by default. In an area of one's own every port is
    really that port: other clients cannot ask.
    """

    def __init__(self, seed: str, area: str = "") -> None:
        mark = hashlib.sha256(os.fsencode(seed)).digest()
        self._area, self._block = area or f"127.{64 + mark[0] % 190}", mark[1]
        self._first_real = 1 if area else _FIRST_UNPRIVILEGED
        self._elsewhere: dict[str, str] = {}
        self._lock = Lock()
        self._served: dict[str, Callable[[], Collection[int]]] = {}
        self._names: dict[str, str] = {}
        self._by_address: dict[str, set[str]] = {}
        self._aliases: dict[str, str] = {}
        self._places: dict[tuple[str, int], Place] = {}
        self._reserved: dict[tuple[str, int], socket.socket] = {}

    def add(self, name: str) -> str:
        """Make a name known; gives its address."""
        with self._lock:
            return self._add(name.lower())

    def point(self, name: str, address: str) -> None:
        """Make a name known whose host is somewhere else, with every port as it is."""
        with self._lock:
            self._elsewhere[name.lower()] = address
            self._name(name.lower(), address)

    def _add(self, key: str) -> str:
        if key not in self._names:
            block, last = divmod(len(self._names), _PER_BLOCK)
            if block >= _BLOCKS:
                raise OSError(errno.EADDRNOTAVAIL, "the lab's network is full")
            address = f"{self._area}.{(self._block + block) % _BLOCKS}.{last + 1}"
            self._name(key, address if _can_bind(address) else FALLBACK)
        return self._names[key]

    def _name(self, key: str, address: str) -> None:
        self._by_address.get(self._names.get(key, ""), set()).discard(key)
        self._names[key] = address
        self._by_address.setdefault(address, set()).add(key)

    def knows(self, name: str) -> bool:
        with self._lock:
            return name.lower() in self._names

    @property
    def names(self) -> dict[str, str]:
        """The address of every name."""
        with self._lock:
            return dict(self._names)

    def addresses(self, name: str) -> list[str]:
        """What a name resolves to."""
        with self._lock:
            found = self._names.get(name.lower())
        return [] if found is None else [found]

    def reverse(self, address: str) -> list[str]:
        """The names of an address."""
        with self._lock:
            return sorted(self._by_address.get(address, ()))

    @property
    def places(self) -> dict[tuple[str, int], Place]:
        """The address of every requested port, by name and port."""
        with self._lock:
            return dict(self._places)

    def serve(self, name: str, ports: Callable[[], Collection[int]]) -> None:
        """Ports of a host that accept connections and do nothing else: nothing listens for them."""
        with self._lock:
            self._served[name.lower()] = ports

    @property
    def served(self) -> set[tuple[str, int]]:
        """Name and port of everything passed to `serve`."""
        with self._lock:
            hosts = dict(self._served)
        return {(name, port) for name, ports in hosts.items() for port in ports()}

    def reaches(self, name: str, port: int, deadline: float) -> bool | None:
        """Whether `port` of `name` accepts a connection; None if the name is unknown."""
        with self._lock:
            ports = self._served.get(name.lower())
        if ports is not None and port in ports():
            return True
        try:
            self.connect(name, port, deadline).close()
        except UnknownName:
            return None
        except OSError:
            return False
        return True

    def alias(self, name: str, machine: str) -> None:
        """Another name, or an address, that the server knows a host by."""
        with self._lock:
            self._aliases[name.lower()] = machine.lower()

    def machine(self, name: str) -> str:
        """The name in full of the host that an alias or a NetBIOS name means; as it is for any other name."""
        key = name.lower()
        with self._lock:
            if key in self._names or key in self._aliases:
                return self._aliases.get(key, key)
            meant = [full for full in self._names if full.partition(".")[0][:15] == key]
        return meant[0] if len(meant) == 1 else name

    def resolve(self, name: str, port: int) -> Place:
        """Where `port` of `name` is. Raises UnknownName."""
        key = name.lower()
        with self._lock:
            if key not in self._names:
                raise UnknownName(errno.ENXIO, f"{name} is not a name in the lab's network")
            return self._place(key, port)

    def _place(self, key: str, port: int) -> Place:
        if key in self._elsewhere:
            return self._elsewhere[key], port
        if (key, port) not in self._places:
            held = _bind(self._names[key], port, self._first_real)
            self._reserved[key, port] = held
            address, real = held.getsockname()[:2]
            self._places[key, port] = (str(address), int(real))
        return self._places[key, port]

    def listen(self, name: str, port: int) -> socket.socket:
        """A listening socket for `port` of `name`, which becomes known if it was not. The caller closes it.

        Raises OSError (EADDRINUSE) where something listens there already.
        """
        with self._lock:
            key = name.lower()
            self._add(key)
            place = self._place(key, port)
            listener = self._reserved.pop((key, port), None) or _bound(place)
        try:
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    def release(self, name: str, port: int) -> Place:
        """The place for `port` of `name`, for a caller that binds it itself."""
        with self._lock:
            key = name.lower()
            self._add(key)
            place = self._place(key, port)
            held = self._reserved.pop((key, port), None)
        if held is not None:
            held.close()
        return place

    def connect(self, name: str, port: int, deadline: float) -> socket.socket:
        """A connection to `port` of `name`, whose operations time out after `deadline` seconds. Raises OSError."""
        return socket.create_connection(self.resolve(name, port), timeout=deadline)

    def close(self) -> None:
        """Release the addresses without a listener."""
        with self._lock:
            for held in self._reserved.values():
                held.close()
            self._reserved.clear()


def _can_bind(address: str) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


def _bound(place: Place) -> socket.socket:
    held = socket.socket()
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(place)
    except OSError:
        held.close()
        raise
    return held


def _bind(address: str, port: int, first_real: int) -> socket.socket:
    """Bound to the port itself where that works, else to a free one. On the shared address always to a free one:
    two hosts may want the same port."""
    if port >= first_real and address != FALLBACK:
        try:
            return _free(address, port)
        except OSError:  # in use
            pass
    return _bound((address, 0))


def _free(address: str, port: int) -> socket.socket:
    """Bound only where nothing else is bound or listens, which SO_REUSEADDR alone does not ensure."""
    with socket.socket() as trial:
        trial.bind((address, port))
    return _bound((address, port))
