"""Machines that are not the lab's own: the management server of the lab meets them in the network that they are in.

The tests of real hosts open a lab with them. To the lab such a machine is an address and a host key; nothing of it is
emulated, so it has no switches and no accounts that the lab could give it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.lab.hosts import push
from reconciler.model.script import Script


@dataclass(frozen=True, slots=True)
class Machine:
    """A Linux machine. `host_key` is the one that its SSH server has: `ssh-ed25519 AAAA…`."""

    address: str
    host_key: str


@dataclass(frozen=True, slots=True)
class Outside:
    """`machines` by name, lower case. `network` are the first two numbers of the addresses that the lab itself has, so
    that machines can reach it; empty where it stays on loopback. `push` gives the script by which the server installs,
    configures and removes the proxy service on them, see `hosts.push.script`."""

    machines: Mapping[str, Machine] = field(default_factory=dict)
    network: str = ""
    push: Callable[[str], Script] = push.script

    def script(self, host: str, name: str) -> Script:
        """The push script `name` for `host`."""
        return (self.push if host.lower() in self.machines else push.script)(name)


NOTHING: Final = Outside()
