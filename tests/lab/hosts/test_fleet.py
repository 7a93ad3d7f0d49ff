"""Deploying over real WinRM and SSH connections, and what stops it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.fleet import DeployError, MailSettings, SessionOrder
from reconciler.lab.hosts.host import Host
from tests.lab.hosts.hosts_world import BUILD, SERVER, World, hosts_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with hosts_world(tmp_path) as made:
        made.dmz.change("remote-registry", "running")
        made.dmz.change("firewall", "open")
        made.lnx.change("firewall", "open")
        yield made


def host_of(world: World, name: str) -> Host:
    host: Host = getattr(world, name)
    return host


HOSTS = ["lon", "dmz", "lnx"]


@pytest.mark.parametrize("name", HOSTS)
def test_deploy_upgrade_move_and_remove(world: World, name: str) -> None:
    host = host_of(world, name)
    order = world.order(host)
    assert world.version(host) is None
    deployed = world.fleet.deploy(replace(order, build="8.4.0.1"))
    assert (deployed.fqdn, deployed.version, world.version(host)) == (host.name, "8.4.0.1", "8.4.0.1")
    assert world.fleet.upgrade(order).version == BUILD
    assert world.version(host) == BUILD
    with pytest.raises(DeployError) as closed:
        world.fleet.reconfigure(replace(order, port=9293))
    assert closed.value.code == "port"
    assert world.version(host) == BUILD, "the old port is back"
    world.fleet.remove(order)
    assert (world.version(host), host.installed()) == (None, None)


@pytest.mark.parametrize("name", HOSTS)
def test_a_port_can_be_changed_once_it_is_open(world: World, name: str) -> None:
    host = host_of(world, name)
    world.fleet.deploy(world.order(host))
    host.change("firewall", "off")
    world.fleet.reconfigure(world.order(host, port=9293))
    assert (world.version(host, 9293), world.version(host, 9193)) == (BUILD, None)


REASONS: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
    ("lon", {"power": "off"}, {}, "unreachable"),
    ("dmz", {"power": "off"}, {}, "unreachable"),
    ("lnx", {"power": "off"}, {}, "unreachable"),
    ("lon", {}, {"password": "wrong"}, "credentials"),
    ("lon", {"wrong-password": "yes"}, {}, "credentials"),
    ("dmz", {}, {"username": "stranger"}, "credentials"),
    ("lon", {"dotnet": "missing"}, {}, "dotnet"),
    ("lnx", {"dotnet": "missing"}, {}, "dotnet"),
    ("dmz", {"remote-registry": "stopped"}, {}, "remote-registry"),
    ("lon", {"admin-share": "off"}, {}, "admin-share"),
    ("dmz", {"firewall": "closed"}, {}, "port"),
    ("lnx", {"firewall": "closed"}, {}, "port"),
    ("lon", {"owner": "other.example.com"}, {}, "owned"),
    ("lnx", {"owner": "other.example.com"}, {}, "owned"),
    ("lnx", {"sudo": "refused"}, {}, "sudo"),
    ("lnx", {"host-key": "changed"}, {}, "ssh-key"),
    ("lnx", {"wrong-password": "yes"}, {}, "credentials"),
    ("dmz", {}, {"domain": True}, "credentials"),
    ("lon", {"certificate": "expired"}, {}, "service"),
]


@pytest.mark.parametrize(("name", "switches", "changes", "code"), REASONS)
def test_why_a_deployment_fails(
    world: World, name: str, switches: dict[str, str], changes: dict[str, Any], code: str
) -> None:
    host = host_of(world, name)
    for key, value in switches.items():
        host.change(key, value)
    with pytest.raises(DeployError) as refused:
        world.fleet.deploy(world.order(host, **changes))
    assert refused.value.code == code
    if code != "owned":
        assert host.installed() is None, "nothing is left behind"


@pytest.mark.parametrize("name", ["lon", "lnx"])
def test_an_upgrade_that_ends_behind_a_closed_port_is_undone(world: World, name: str) -> None:
    host = host_of(world, name)
    world.fleet.deploy(world.order(host, build="8.4.0.1"))
    host.change("firewall", "closed")
    with pytest.raises(DeployError) as closed:
        world.fleet.upgrade(world.order(host))
    host.change("firewall", "open")
    assert (closed.value.code, world.version(host)) == ("port", "8.4.0.1")
    host.change("owner", "other.example.com")
    with pytest.raises(DeployError) as owned:
        world.fleet.upgrade(world.order(host))
    assert owned.value.code == "owned"


@pytest.mark.parametrize("name", ["lon", "lnx"])
def test_what_a_forced_removal_leaves_behind_has_to_be_taken_over(world: World, name: str) -> None:
    host = host_of(world, name)
    world.fleet.deploy(world.order(host))
    with pytest.raises(DeployError) as owned:
        world.fleet.deploy(world.order(host))
    assert owned.value.code == "owned"
    assert world.fleet.deploy(world.order(host, takeover=True)).version == BUILD


@pytest.mark.parametrize("name", ["lon", "lnx"])
def test_a_takeover(world: World, name: str) -> None:
    host = host_of(world, name)
    host.change("owner", "other.example.com")
    assert world.version(host) is None
    world.fleet.deploy(world.order(host, takeover=True))
    installed = host.installed()
    assert installed is not None
    assert (installed.owner, world.version(host)) == (SERVER, BUILD)


def test_an_unknown_name(world: World) -> None:
    with pytest.raises(DeployError) as refused:
        world.fleet.deploy(replace(world.order(world.lon), host="nowhere.example.com"))
    assert refused.value.code == "unreachable"


def test_ssh_with_a_key_and_a_fingerprint(world: World) -> None:
    key = base64.b64encode((world.folder / "id").read_bytes()).decode()
    seen = world.fleet.check_ssh(world.lnx.name, world.ssh(privateKeyBase64=key, publicBase64Key=""))
    assert seen["status"] == "Success"
    assert seen["publicBase64Key"] == world.lnx.public_key.split()[1]
    settings = world.ssh(privateKeyBase64=key, publicBase64Key="", fingerprint=seen["fingerprint"])
    assert world.fleet.deploy(world.order(world.lnx, ssh=settings)).version == BUILD
    for wrong in ({"fingerprint": "SHA256:other"}, {"publicBase64Key": "AAAA"}, {"publicBase64Key": "!"}):
        with pytest.raises(DeployError) as refused:
            world.fleet.deploy(world.order(world.lnx, ssh=settings | wrong))
        assert refused.value.code == "ssh-key"


def test_checking_ssh_with_a_wrong_password_shows_the_key_all_the_same(world: World) -> None:
    seen = world.fleet.check_ssh(world.lnx.name, world.ssh(accountPassword="wrong"))
    assert (seen["status"], seen["fingerprint"][:7]) == ("Failed", "SHA256:")


def test_the_trust_is_handed_over_and_offline_proxies_miss_it(world: World) -> None:
    for host in (world.dmz, world.lnx):
        world.fleet.deploy(world.order(host))
    world.lnx.change("power", "off")
    old, new = world.certificate(), world.certificate("new")
    handed = [world.fleet.trust(host.name, 9193, old=old, new=new, server=SERVER) for host in (world.dmz, world.lnx)]
    world.lnx.change("power", "on")
    assert handed == [True, False]
    assert [world.version(host, certificate=new) for host in (world.dmz, world.lnx)] == [BUILD, None]


@pytest.mark.parametrize("name", HOSTS)
def test_sessions_run_on_the_proxy(world: World, name: str) -> None:
    host = host_of(world, name)
    world.fleet.deploy(world.order(host))
    mail = MailSettings("smtp.example.com", 587, "tls", "", "", "a@b", ["c@d"], "%JobResult%", ["success"])
    order = SessionOrder("s", "daily", "contoso", 3, full=False, mail=mail)
    answer: dict[str, Any] = {"domain": name == "lon", "certificate": world.certificate(), "server": SERVER}
    assert world.fleet.run(host.name, 9193, order, **answer).status == "Success"
    assert f"X-Lab-Proxy: {host.name}".encode() in world.mails[0][1]
    host.change("service", "stopped")
    with pytest.raises(DeployError) as offline:
        world.fleet.run(host.name, 9193, order, **answer)
    assert offline.value.code == "offline"


def test_no_password_is_kept(world: World) -> None:
    for host in world.hosts:
        world.fleet.deploy(world.order(host))
    from tests.lab.hosts.hosts_world import PASSWORDS

    for file in world.folder.rglob("*"):
        if file.is_file():
            text = file.read_text(errors="replace")
            assert not any(password in text for password in PASSWORDS.values()), file
