"""What an inventory takes as a host: one definition for every place, and fixes that work when they are pasted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.inventory.document import resolve
from reconciler.inventory.schema import schema
from reconciler.kinds import hosts
from tests.inventory.writing import findings

BASE: dict[str, Any] = {
    "version": 1,
    "name": "corp",
    "server": {"host": "vbo.example.com", "credentials": "admin", "powershell": {"credentials": "admin"}},
    "credentials": {"admin": {"username": "svc", "password": "secret://env/P"}},
    "jump_hosts": {"bastion": {"host": "bastion.example.net", "credentials": "admin"}},
    "proxies": {
        "px": {
            "host": "px.example.com",
            "type": "domain",
            "credentials": "admin",
            "connection": {"transport": "winrm"},
            "internet_proxy": {"host": "web.example.com"},
        }
    },
    "smtp": {"server": "smtp.example.com", "from": "vbo@example.com", "to": ["team@example.com"]},
}
PLACES = {
    "server.host": "server",
    "server.rest_host": "server",
    "server.address": "server",
    "server.powershell.name": "server.powershell",
    "server.powershell.address": "server.powershell",
    "jump_hosts.bastion.host": "jump_hosts.bastion",
    "jump_hosts.bastion.address": "jump_hosts.bastion",
    "proxies.px.host": "proxies.px",
    "proxies.px.connection.name": "proxies.px.connection",
    "proxies.px.connection.address": "proxies.px.connection",
    "proxies.px.internet_proxy.host": "proxies.px.internet_proxy",
    "smtp.server": "smtp",
}
"""Where an inventory holds a host, and the map that it is in."""
REFUSED = {
    "name:4443": ("name", 4443),
    "name.example.com:587": ("name.example.com", 587),
    "[2001:db8::1]:4443": ("2001:db8::1", 4443),
    "[2001:db8::1]": ("2001:db8::1", 0),
    "https://name.example.com:4443/v8/": ("name.example.com", 4443),
    "a..b": ("a.b", 0),
    "name.example.com.": ("name.example.com", 0),
    "\\\\name\\share": ("name", 0),
    "user@name": ("name", 0),
    " name": ("name", 0),
}
HOPELESS = ("", "a b", "10.0.0", "256.1.1.1", "name:99999", "name:port", "-name", "name-", "fe80::1%eth0", "x" * 64)


def at(document: dict[str, Any], path: str) -> dict[str, Any]:
    for part in path.split("."):
        document = document[part]
    return document


def said(folder: Path, document: dict[str, Any]) -> list[Any]:
    path = folder / "inventory.yml"
    path.write_text(json.dumps(document), "utf-8")
    return [item for item in findings(path) if item.is_error]


def holders(node: Any, path: str = "") -> Iterator[str]:
    """Where the schema refers to the definition of hosts."""
    if isinstance(node, dict):
        if node.get("$ref") == "#/$defs/host":
            yield path
        for key, value in node.items():
            yield from holders(value, f"{path}/{key}")


def test_the_schema_has_the_one_definition() -> None:
    assert schema()["$defs"]["host"]["pattern"] == hosts.PATTERN
    mail = schema()["$defs"]["smtp"]["properties"]
    assert mail["from"]["pattern"] == mail["to"]["items"]["pattern"] == rf"^[^@\s;,]+@{hosts.DOMAIN}$"


def test_every_place_of_a_host_is_tested() -> None:
    assert len(list(holders(schema()))) == len(PLACES)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", REFUSED)
def test_a_fix_works_when_it_is_pasted(tmp_path: Path, place: str, text: str) -> None:
    document = json.loads(json.dumps(BASE))
    key, (host, port) = place.rpartition(".")[2], REFUSED[text]
    at(document, PLACES[place])[key] = text
    (found,) = said(tmp_path, document)
    lines = re.findall("`([^`]+)`", found.fix or "") or [str(found.fix).removeprefix("Write: ")]
    pasted = {name: resolve(value.strip('"')) for name, _, value in (line.partition(": ") for line in lines)}
    assert pasted == {key: host} | ({"port": port} if port else {})
    at(document, PLACES[place]).update(pasted)
    allowed = {"connection-name"} if key == "name" and hosts.is_address(host) else set()
    assert {item.code for item in said(tmp_path, document)} == allowed


@pytest.mark.parametrize("place", ["server.powershell", "proxies.px.connection"])
@pytest.mark.parametrize("address", ["192.0.2.10", "2001:db8::1"])
def test_an_address_in_the_place_of_a_name(tmp_path: Path, place: str, address: str) -> None:
    """It is not what a host proves; the fix is where to connect."""
    document = json.loads(json.dumps(BASE))
    at(document, place)["name"] = address
    (found,) = said(tmp_path, document)
    assert found.code == "connection-name"
    assert f"Write `address: {address}`" in str(found.fix)
    at(document, place)["address"] = at(document, place).pop("name")
    assert said(tmp_path, document) == []


@pytest.mark.parametrize("text", HOPELESS)
def test_a_host_that_cannot_be_guessed_gets_an_example(tmp_path: Path, text: str) -> None:
    document = json.loads(json.dumps(BASE))
    document["smtp"]["server"] = text
    (found,) = said(tmp_path, document)
    assert found.fix == "For example: server: px-lon-1.corp.example.com"


def test_a_port_of_the_host_is_not_that_of_the_proxy_service(tmp_path: Path) -> None:
    document = json.loads(json.dumps(BASE))
    del document["proxies"]["px"]["connection"]
    document["proxies"]["px"]["host"] = "px.example.com:5986"
    (found,) = said(tmp_path, document)
    assert found.fix == "Write `host: px.example.com` and `connection: {port: 5986}`."


def test_a_declared_port_stays(tmp_path: Path) -> None:
    document = json.loads(json.dumps(BASE))
    document["server"] |= {"host": "vbo.example.com:4443", "port": 4444}
    (found,) = said(tmp_path, document)
    assert found.fix == "Write: host: vbo.example.com"


@pytest.mark.parametrize("text", ["vbo01", "VBO-01", "_dc.example.com", "10.1.2.3", "2001:db8::1", "::1", "1.2.3.a"])
def test_a_host_is_a_name_or_an_address(tmp_path: Path, text: str) -> None:
    document = json.loads(json.dumps(BASE))
    document["server"]["host"] = text
    assert said(tmp_path, document) == []


@example(IPv6Address("::ffff:192.0.2.1"))
@given(st.ip_addresses())
def test_every_address_is_a_host(address: Any) -> None:
    assert hosts.is_host(str(address))
    if address.version == 6 and address.ipv4_mapped:  # as Python 3.13 writes it
        assert hosts.is_host(f"::ffff:{address.ipv4_mapped}")
    if isinstance(address, IPv6Address):
        assert hosts.is_host(address.exploded)
        assert hosts.intended(f"[{address}]:22") == (str(address), 22)


@given(st.from_regex(r"[0-9a-fA-F:.]{1,20}", fullmatch=True).filter(lambda text: ":" in text))
def test_what_has_colons_is_an_address_or_no_host(text: str) -> None:
    if hosts.is_host(text):
        ip_address(text)


@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("https://files..example.com/VBOProxy_8.5.0.1014.msi", "https://files.example.com/VBOProxy_8.5.0.1014.msi"),
        ("https://[::1/VBOProxy_8.5.0.1014.msi", ""),
    ],
)
def test_the_host_of_an_address_is_held_to_it_too(tmp_path: Path, source: str, fix: str) -> None:
    document = json.loads(json.dumps(BASE))
    package = {"source": source, "sha256": "5e" * 32}
    document["proxies"]["px"]["service"] = {"install": "package", "package": package}
    (found,) = said(tmp_path, document)
    assert found.code == "address-host"
    if fix:
        assert found.fix == f"Write: source: {fix}"
        package["source"] = fix
        assert said(tmp_path, document) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vbo01", ("vbo01", 0)),
        ("vbo01:9443", ("vbo01", 9443)),
        ("vbo01:65535", ("vbo01", 65535)),
        ("::1", ("::1", 0)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("[::1]:443", ("::1", 443)),
        ("[::1]", ("::1", 0)),
        ("vbo01:", ("vbo01", 0)),
        ("vbo01:0", None),
        ("vbo01:65536", None),
        ("vbo01:1_000", None),
        ("a b:1", None),
    ],
)
def test_a_host_with_its_port(text: str, expected: tuple[str, int] | None) -> None:
    assert hosts.authority(text) == expected
