"""The server's PowerShell: security settings, certificate, upgrade of proxies, versions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from reconciler.lab.server.certificate import thumbprint
from tests.lab.server.conftest import self_signed
from tests.lab.server.world import BUILD, HOST, World

NEW = "8.5.0.1014"


def pfx(pem: str, passphrase: str = "open") -> str:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    protection = serialization.BestAvailableEncryption(passphrase.encode())
    data = pkcs12.serialize_key_and_certificates(b"new", key, certificate, None, protection)
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def renewed() -> str:
    return self_signed("vbo01 2027")


def test_security_settings(world: World) -> None:
    found = world.server.powershell("server/security-settings.ps1", {})
    assert set(found) == {"thumbprint", "subject", "expires"}
    assert found["thumbprint"] == thumbprint(world.certificate)
    assert found["subject"] == "CN=Veeam Software"
    assert datetime.fromisoformat(found["expires"]) > datetime.now(UTC)


def test_a_new_certificate_is_handed_to_the_workgroup_proxies(world: World, renewed: str) -> None:
    for host in ("win-1", "win-2", "dom-1", "lnx-1"):
        world.add_proxy(host)
    world.hosts.hosts["win-2"].online = False
    args = {"pfx": pfx(renewed), "passphrase": "open"}
    assert world.server.powershell("server/set-certificate.ps1", args) == {"thumbprint": thumbprint(renewed)}
    assert world.server.powershell("server/security-settings.ps1", {})["thumbprint"] == thumbprint(renewed)
    asked = sorted(call for call in world.hosts.calls if call.startswith("trust"))
    assert asked == ["trust lnx-1", "trust win-1", "trust win-2"]
    world.hosts.hosts["win-2"].online = True
    seen = {item["hostName"]: item["status"] for item in world.client().results("Proxies")}
    wanted = {HOST: "Online", "win-1": "Online", "win-2": "Offline", "dom-1": "Online", "lnx-1": "Online"}
    assert seen == wanted  # who was offline has lost its trust


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (lambda pem: {"pfx": pfx(pem), "passphrase": "wrong"}, "password is not correct"),
        (lambda pem: {"pfx": pfx(pem)}, "password is not correct"),
        (lambda pem: {"pfx": "not base64!"}, "Base-64"),
        (lambda pem: {}, "password is not correct"),
    ],
)
def test_a_certificate_that_cannot_be_used(
    world: World, renewed: str, args: Callable[[str], dict[str, str]], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        world.server.powershell("server/set-certificate.ps1", args(renewed))
    assert world.server.certificate == world.certificate


def test_an_expired_certificate_is_refused(world: World, renewed: str) -> None:
    world.clock.advance(20 * 365 * 24 * 3600)
    with pytest.raises(ValueError, match="expired"):
        world.server.powershell("server/set-certificate.ps1", {"pfx": pfx(renewed), "passphrase": "open"})


def test_versions(world: World) -> None:
    world.add_proxy("win-1")
    world.add_proxy("lnx-1")
    world.server.upgrade_server(NEW)
    world.hosts.hosts["lnx-1"].online = False
    assert world.server.powershell("server/version.ps1", {}) == {
        "version": NEW,
        "proxies": [
            {"host": HOST, "outdated": False, "version": NEW},
            {"host": "win-1", "outdated": True, "version": BUILD},
            {"host": "lnx-1", "outdated": True, "version": None},
        ],
        "repositories": [{"id": world.find("repositories", "Default Backup Repository"), "outdated": True}],
    }


def test_upgrading_proxies_gives_one_result_for_each(world: World) -> None:
    for host in ("win-1", "win-2", "dom-1", "lnx-1"):
        world.add_proxy(host)
    world.server.upgrade_server(NEW)
    world.hosts.hosts["win-2"].password = "another"
    args = {
        "groups": [
            {"proxies": ["lnx-1"], "linux": {"account": "backup", "password": "right", "elevate": True}},
            {"proxies": ["win-1", "win-2", "unknown"], "username": "Administrator", "password": "right"},
        ]
    }
    results = world.server.powershell("server/update-proxy.ps1", args)["results"]
    assert [(item["host"], item["ok"], item["version"]) for item in results] == [
        ("lnx-1", True, NEW),
        ("win-1", True, NEW),
        ("win-2", False, BUILD),
        ("unknown", False, None),
    ]
    assert "password" in results[2]["message"]
    seen = {item["hostName"]: item["version"] for item in world.client().results("Proxies")}
    assert seen == {HOST: NEW, "win-1": NEW, "win-2": BUILD, "dom-1": BUILD, "lnx-1": NEW}


def test_a_domain_proxy_is_upgraded_with_the_stored_account(world: World) -> None:
    world.add_proxy("dom-1")
    world.server.upgrade_server(NEW)
    results = world.server.powershell("server/update-proxy.ps1", {"groups": [{"proxies": ["dom-1"]}]})["results"]
    assert results == [{"host": "dom-1", "ok": True, "version": NEW, "message": ""}]


def test_what_is_up_to_date_is_left_alone(world: World) -> None:
    world.add_proxy("win-1")
    results = world.server.powershell("server/update-proxy.ps1", {"groups": [{"proxies": ["win-1"]}]})["results"]
    assert results == [{"host": "win-1", "ok": True, "version": BUILD, "message": ""}]
    assert world.hosts.calls == ["deploy win-1"]


def test_another_script_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="does not know the script"):
        world.server.powershell("server/format-disks.ps1", {})
