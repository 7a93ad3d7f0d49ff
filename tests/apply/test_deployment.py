"""What the server is told of a Linux host: the key that it saw and we trust, and the port."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.steps.deployment import ssh_settings
from reconciler.model.connection import Connection, Transport, Trust
from reconciler.model.errors import UntrustedPeer
from tests.apply.fakes import FakeServer, fake_context

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGnPsAbVQWpTJQKa2VzGBKRqzP0iZpWzqzqC1oA3qJ6v"


class Seeing(FakeServer):
    """A server that sees one host key."""

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        super().act(path, action, body)
        return {"publicBase64Key": KEY}


def told(pin: str = f"ssh-ed25519 {KEY}", **reached: Any) -> tuple[Any, dict[str, Any]]:
    """What the server was asked with, and the settings that came of it."""
    server = Seeing({})
    place = fake_context(server, "px-1")
    connection = Connection("px-1", "px-1.example.com", Transport.SSH, trust=Trust(host_keys=(pin,)))
    place.access = replace(place.access, connections={"px-1": replace(connection, **reached)})
    settings = ssh_settings(place, "px-1", "px-1.example.com", {"account": "backup"})
    ((_, _, asked),) = server.acts
    return asked, settings


@pytest.mark.parametrize(
    ("reached", "port"),
    [
        pytest.param({}, 22, id="as usual"),
        pytest.param({"port": 2222}, 2222, id="the host's own port"),
        pytest.param({"address": "192.0.2.7", "port": 2222}, 22, id="a way that is only ours"),
    ],
)
def test_the_server_is_told_the_port_of_the_host(reached: dict[str, Any], port: int) -> None:
    asked, settings = told(**reached)
    assert (asked["port"], settings["port"], settings["publicBase64Key"]) == (port, port, KEY)


def test_a_key_that_nobody_pinned_is_refused() -> None:
    with pytest.raises(UntrustedPeer, match="none of the keys that the inventory trusts"):
        told(pin=f"ssh-ed25519 {KEY[:-2]}9w")
