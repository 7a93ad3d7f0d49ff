"""What the server gets of a Linux host: the key that it saw and we trust, and the port."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
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


def answer(pin: str = f"ssh-ed25519 {KEY}", **reached: Any) -> tuple[Any, dict[str, Any]]:
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
    asked, settings = answer(**reached)
    assert (asked["port"], settings["port"], settings["publicBase64Key"]) == (port, port, KEY)


def test_a_key_that_nobody_pinned_is_refused() -> None:
    with pytest.raises(UntrustedPeer, match="none of the keys that the inventory trusts"):
        answer(pin=f"ssh-ed25519 {KEY[:-2]}9w")


BLOB = base64.b64decode(KEY)
SHA = hashlib.sha256(BLOB).digest()
SPELLINGS = {
    "base64": base64.b64encode(SHA).decode().rstrip("="),
    "OpenSSH": f"SHA256:{base64.b64encode(SHA).decode().rstrip('=')}",
    "hex": SHA.hex(),
    "pairs": ":".join(f"{byte:02x}" for byte in SHA),
}


class Showing(FakeServer):
    """A server that shows a fingerprint, or something that is not a key."""

    shown: Mapping[str, str] = MappingProxyType({})

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        super().act(path, action, body)
        return dict(self.shown)


@pytest.mark.parametrize(
    ("shown", "trusted"),
    [
        *(({"fingerprint": text}, True) for text in SPELLINGS.values()),
        ({"fingerprint": SPELLINGS["hex"][:-2] + "00"}, False),
        ({"publicBase64Key": "not base64!"}, False),
        ({"publicBase64Key": KEY[:-4]}, False),
        ({"fingerprint": "", "publicBase64Key": ""}, False),
        ({}, False),
    ],
)
def test_a_fingerprint_in_any_spelling(shown: dict[str, str], *, trusted: bool) -> None:
    server = Showing({})
    server.shown = shown
    place = fake_context(server, "px-1")
    trust = Trust(host_keys=(f"ssh-ed25519 {KEY}",))
    connection = Connection("px-1", "px-1.example.com", Transport.SSH, trust=trust)
    place.access = replace(place.access, connections={"px-1": connection})
    if trusted:
        settings = ssh_settings(place, "px-1", "px-1.example.com", {})
        assert settings["fingerprint"] == shown["fingerprint"]
        return
    with pytest.raises(UntrustedPeer):
        ssh_settings(place, "px-1", "px-1.example.com", {})


def test_without_a_connection_no_key_is_trusted() -> None:
    with pytest.raises(UntrustedPeer):
        ssh_settings(fake_context(Seeing({}), "px-1"), "px-1", "px-1.example.com", {})
