"""The shipped PowerShell scripts, run through the real bootstrap in a real engine on a Windows that is data."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.script_output import script_failed
from reconciler.clients.winrm.powershell import blob, encoded_bootstrap
from reconciler.lab.pki import Authority
from reconciler.model.script import Script
from reconciler.model.secret import Secret
from reconciler.package_data import playbooks_folder, shipped_script
from reconciler.requirements.facts import parse
from tests.hosts import windows
from tests.hosts.documents import NOW
from tests.hosts.powershell import Windows, bootstrap, run_blob, run_text
from tests.hosts.windows import EXE, REGISTRY, rule, service
from tests.ports import refused_port

ARGS = {"port": 9193, "server": "vbo01.corp.example.com", "now": "2026-03-01T12:00:00+00:00"}
FACTS = shipped_script("windows/facts.ps1")


@pytest.fixture
def host(tmp_path: Path) -> Windows:
    return Windows(tmp_path, windows.host())


@pytest.fixture
def server(tmp_path: Path) -> Windows:
    return Windows(tmp_path, windows.server())


def facts(host: Windows, **args: Any) -> dict[str, Any]:
    found: dict[str, Any] = host.run(FACTS, {**ARGS, **args}).document
    assert parse(found, "windows", NOW)
    return found


def test_a_domain_member_without_proxy_service(host: Windows) -> None:
    found = facts(host)
    clock, powershell = found.pop("clock"), found.pop("powershell")
    assert "\\" in found["account"].pop("user")
    assert len(clock["utc"]) == 20
    assert clock["utc"].endswith("Z")
    assert powershell["core"] == []
    expected = {
        "os": {"family": "windows", "name": "Microsoft Windows Server 2022 Standard", "version": "10.0.20348"},
        "host": {"name": "PX-1", "fqdn": "px-1.corp.example.com"},
        "account": {"admin": True},
        "hardware": {"cores": 8, "memory_gb": 16},
        "mail": {"server": "", "reachable": None},
        "certificates": {"ends": []},
        "domain": {"member": True, "name": "corp.example.com"},
        "dotnet": {"framework": 528449, "runtime": [], "aspnet": []},
        "remote_registry": {"start": "disabled", "state": "stopped"},
        "firewall": {"port": "9193 closed"},
        "admin_share": True,
        "disk": {"free_gb": 41},
        "reboot": {"pending": False, "reasons": []},
        "server": {
            "name": "vbo01.corp.example.com",
            "addresses": ["10.0.0.5"],
            "reverse": ["vbo01.corp.example.com"],
        },
        "service": {
            "installed": False,
            "version": None,
            "state": "missing",
            "start": "missing",
            "listening": False,
        },
    }
    assert {part: found[part] for part in expected} == expected


@pytest.mark.matrix
def test_a_workgroup_host_with_everything(host: Windows) -> None:
    world = host.world
    world["cim"]["Win32_ComputerSystem"] = [
        {
            "Name": "PX-9",
            "DNSHostName": "px-9",
            "PartOfDomain": False,
            "Domain": "WORKGROUP",
            "NumberOfLogicalProcessors": 2,
            "TotalPhysicalMemory": 4 << 30,
        }
    ]
    world["cim"]["Win32_Share"] = []
    world["cim"]["Win32_Service"] = [service("Veeam.Archiver.Proxy", "Auto", "Running", f'"{windows.EXE}" -run')]
    world["files"] = {windows.EXE: "8.1.0.305"}
    world["listeners"] = [9500]
    world["rules"] = [rule(port=["80", "9400-9600"])]
    world["dns"] = {}
    version = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
    world["registry"] = {
        f"{version}\\Component Based Servicing\\RebootPending": {},
        f"{version}\\WindowsUpdate\\Auto Update\\RebootRequired": {},
        "HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager": {"PendingFileRenameOperations": ["a"]},
        "HKLM:\\SOFTWARE\\Microsoft\\PowerShellCore\\InstalledVersions": {},
        "HKLM:\\SOFTWARE\\Microsoft\\PowerShellCore\\InstalledVersions\\31ab": {"SemanticVersion": "7.4.6"},
    }
    host.install_dotnet("Microsoft.NETCore.App", "6.0.36", "8.0.11")
    host.install_dotnet("Microsoft.AspNetCore.App", "8.0.11")
    found = facts(host, port=9500)
    assert found["host"] == {"name": "PX-9", "fqdn": "px-9"}
    assert found["domain"] == {"member": False, "name": ""}
    assert found["powershell"]["core"] == ["7.4.6"]
    assert found["dotnet"] == {"framework": 0, "runtime": ["6.0.36", "8.0.11"], "aspnet": ["8.0.11"]}
    assert found["remote_registry"] == {"start": "missing", "state": "missing"}
    assert found["firewall"] == {"port": "9500 open"}
    assert found["admin_share"] is False
    assert found["reboot"] == {"pending": True, "reasons": ["component-servicing", "windows-update", "file-renames"]}
    assert found["server"]["addresses"] == found["server"]["reverse"] == []
    assert found["service"] == {
        "installed": True,
        "version": "8.1.0.305",
        "state": "running",
        "start": "automatic",
        "listening": True,
    }


@pytest.mark.matrix
def test_the_version_is_that_of_the_program_of_the_service(host: Windows) -> None:
    orders: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for path in (windows.EXE, f"{windows.EXE} -run", f'  "{windows.EXE}"', "C:\\nowhere.exe", "nonsense"):
        world = windows.host()
        world["cim"]["Win32_Service"] = [service("Veeam.Archiver.Proxy", "Manual", "Start Pending", path)]
        world["files"] = {windows.EXE: "8.2.0.2008"}
        orders.append((world, ARGS))
    found = [answer["service"] for answer in host.ask(FACTS, orders)]
    assert [item["version"] for item in found] == ["8.2.0.2008"] * 3 + [None] * 2
    assert {(item["start"], item["state"]) for item in found} == {("manual", "start pending")}


@pytest.mark.matrix
def test_who_is_an_administrator(host: Windows) -> None:
    tokens = {
        "high": windows.ADMINISTRATOR,
        "system": ["S-1-5-32-544", "S-1-16-16384"],
        "filtered by UAC": ["S-1-5-32-544", "S-1-16-8192"],
        "ordinary": ["S-1-5-32-580", "S-1-16-12288"],
        "untold": [],
    }
    found = host.ask(FACTS, [({**windows.host(), "groups": sids}, ARGS) for sids in tokens.values()])
    admins = {name: answer["account"]["admin"] for name, answer in zip(tokens, found, strict=True)}
    assert admins == {"high": True, "system": True, "filtered by UAC": False, "ordinary": False, "untold": None}


@pytest.mark.matrix
def test_the_mail_server_is_connected_to_and_told_nothing(host: Windows) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, refused_port() as refused:
        ports = (listener.getsockname()[1], refused)
        asked = [{**ARGS, "smtp": "127.0.0.1", "smtp_port": port} for port in ports]
        found = host.ask(FACTS, [(windows.host(), args) for args in asked])
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(1) == b""
    assert [answer["mail"] for answer in found] == [
        {"server": "127.0.0.1", "reachable": True},
        {"server": "127.0.0.1", "reachable": False},
    ]


@pytest.mark.matrix
def test_certificates_of_the_listeners(host: Windows) -> None:
    host.world["registry"] |= {
        windows.LISTENER: {},
        f"{windows.LISTENER}\\*+HTTP": {"Port": 5985},
        f"{windows.LISTENER}\\*+HTTPS": {"certThumbprint": "AB CD"},
        f"{windows.LISTENER}\\10.0.0.7+HTTPS": {"certThumbprint": "FFFF"},
    }
    host.world["certificates"] = {"ABCD": "2026-03-11T12:00:00Z"}
    found = facts(host)
    assert found["certificates"] == {"ends": ["2026-03-11T12:00:00Z"]}
    assert parse(found, "windows", NOW)["certificates"]["days_left"] == 10


def all_off(world: dict[str, Any]) -> None:
    for profile in world["profiles"]:
        profile["Enabled"] = "False"


FIREWALLS: dict[str, tuple[Callable[[dict[str, Any]], Any], str | None]] = {
    "off": (all_off, "open"),
    "off where the host is": (lambda world: world["profiles"][0].update(Enabled="False"), "open"),
    "lets everything in": (lambda world: world["profiles"][0].update(DefaultInboundAction="Allow"), "open"),
    "rule": (lambda world: world["rules"].append(rule()), "open"),
    "rule for this profile": (lambda world: world["rules"].append(rule(Profile="Domain, Private")), "open"),
    "rule for another profile": (lambda world: world["rules"].append(rule(Profile="Public")), "closed"),
    "rule that is off": (lambda world: world["rules"].append(rule(Enabled="False")), "closed"),
    "rule outwards": (lambda world: world["rules"].append(rule(Direction="Outbound")), "closed"),
    "rule for UDP": (lambda world: world["rules"].append(rule(Protocol="UDP")), "closed"),
    "rule for all ports of another program": (
        lambda world: world["rules"].append(rule(port="Any", Program="C:\\other.exe")),
        "closed",
    ),
    "rule for all ports of the service": (
        lambda world: (
            world["cim"]["Win32_Service"].append(service("Veeam.Archiver.Proxy", "Auto", "Running", f'"{EXE}" -x')),
            world["rules"].append(rule(port="Any", Program=EXE)),
        ),
        "open",
    ),
    "rule for another service": (lambda world: world["rules"].append(rule(Service="TermService")), "closed"),
    "rule for any protocol": (lambda world: world["rules"].append(rule(port="Any", Protocol="Any")), "open"),
    "rule that asks for IPsec": (lambda world: world["rules"].append(rule(Authentication="Required")), None),
    "rule for wireless networks": (lambda world: world["rules"].append(rule(InterfaceType="Wireless")), None),
    "rule of this host where policy ignores those": (
        lambda world: (world["rules"].append(rule()), world["profiles"][0].update(AllowLocalFirewallRules="False")),
        "closed",
    ),
    "rule of the policy where it ignores those of this host": (
        lambda world: (
            world["rules"].append(rule(PolicyStoreSourceType="GroupPolicy")),
            world["profiles"][0].update(AllowLocalFirewallRules="False"),
        ),
        "open",
    ),
    "all connections blocked": (
        lambda world: (world["rules"].append(rule()), world["profiles"][0].update(AllowInboundRules="False")),
        "closed",
    ),
    "blocked by mask": (
        lambda world: world["rules"].extend([rule(), rule("no", Action="Block", RemoteAddress="10.0.0.0/255.0.0.0")]),
        "closed",
    ),
    "blocked by prefix": (
        lambda world: world["rules"].extend([rule(), rule("no", Action="Block", RemoteAddress="10.0.0.0/24")]),
        "closed",
    ),
    "another network blocked": (
        lambda world: world["rules"].extend([rule(), rule("no", Action="Block", RemoteAddress="10.0.1.0/24")]),
        "open",
    ),
    "range of addresses": (
        lambda world: world["rules"].append(rule(RemoteAddress=["10.0.0.1-10.0.0.9", "fe80::/64"])),
        "open",
    ),
    "blocked for a keyword": (
        lambda world: world["rules"].extend([rule(), rule("no", Action="Block", RemoteAddress="LocalSubnet")]),
        None,
    ),
    "rule for the server": (lambda world: world["rules"].append(rule(RemoteAddress=["10.0.0.5"])), "open"),
    "rule for others": (lambda world: world["rules"].append(rule(RemoteAddress="LocalSubnet")), None),
    "blocked": (lambda world: world["rules"].extend([rule(), rule("no", Action="Block")]), "closed"),
    "two networks": (
        lambda world: (
            world["networks"].append({"NetworkCategory": "Public"}),
            world["rules"].append(rule(Profile="Domain")),
        ),
        None,  # the server may connect through either
    ),
    "two networks, both open": (
        lambda world: (world["networks"].append({"NetworkCategory": "Public"}), world["rules"].append(rule())),
        "open",
    ),
    "network unknown": (
        lambda world: (world["networks"].clear(), world["rules"].append(rule(Profile="Domain"))),
        None,
    ),
    "broken": (lambda world: world.update(firewall_is_broken=True), None),
}


@pytest.mark.matrix
def test_firewalls(host: Windows) -> None:
    orders: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for change, _ in FIREWALLS.values():
        world = windows.host()
        change(world)
        orders.append((world, ARGS))
    found = dict(zip(FIREWALLS, (answer["firewall"]["port"] for answer in host.ask(FACTS, orders)), strict=True))
    assert found == {name: answer and f"9193 {answer}" for name, (_, answer) in FIREWALLS.items()}


@pytest.mark.matrix
def test_facts_fail_one_by_one(host: Windows) -> None:
    whole = facts(host)
    orders: list[tuple[dict[str, Any], Mapping[str, Any]]] = []
    for denied in CLASSES:
        world = windows.host()
        world["denied"] = [denied]
        orders.append((world, ARGS))
    world = windows.host()
    world["denied"] = list(CLASSES)
    orders.append((world, ARGS))
    *each, none = host.ask(FACTS, orders)
    for found, (denied, parts) in zip(each, CLASSES.items(), strict=True):
        same = {part: value for part, value in found.items() if part not in (*parts, "clock", "account")}
        assert same == {part: whole[part] for part in same}, denied
    assert none["os"]["name"] is None
    assert none["domain"] == {"member": None, "name": None}
    assert none["hardware"] == {"cores": None, "memory_gb": None}
    assert none["disk"] == {"free_gb": None}
    assert (none["admin_share"], none["remote_registry"]) == (None, None)
    assert (none["service"]["installed"], none["service"]["state"]) == (None, None)
    assert none["firewall"] == whole["firewall"]
    assert parse(none, "windows", NOW)["server"]["resolves"] is True


CLASSES: dict[str, tuple[str, ...]] = {
    "Win32_OperatingSystem": ("os", "disk"),
    "Win32_ComputerSystem": ("host", "domain", "hardware"),
    "Win32_LogicalDisk": ("disk",),
    "Win32_Share": ("admin_share",),
    "Win32_Service": ("service", "remote_registry"),
}
"""What CIM may deny, and the parts of the document that come from it."""


CULTURES = ("en-US", "ar-SA", "de-DE", "fa-IR", "he-IL", "th-TH", "tr-TR")


@pytest.mark.matrix
def test_facts_are_the_same_in_every_culture(host: Windows) -> None:
    """Other calendars, decimal commas, digits of one's own, and letters whose lower case is another."""
    set_culture = (
        "[Threading.Thread]::CurrentThread.CurrentCulture = [CultureInfo]::new('{0}');"
        "$global:World = [IO.File]::ReadAllText($env:VBO_TEST_WORLD) | ConvertFrom-Json"
    )
    (host.folder / "world.json").write_text(json.dumps(host.world))
    found = host.play([(FACTS, ARGS, set_culture.format(culture)) for culture in CULTURES])
    assert {one.pop("clock")["utc"][:2] for one in found} == {"20"}
    assert [one for one in found if one != found[0]] == []
    assert found[0]["server"]["reverse"] == ["vbo01.corp.example.com"]


@pytest.mark.matrix
def test_dates_do_not_depend_on_the_culture(host: Windows) -> None:
    assert "yyyy" not in FACTS.text  # a format of one's own follows the calendar of the culture: 2569 in Thailand
    found = facts(host)
    assert abs(parse(found, "windows", datetime.now(UTC))["clock"]["minutes_off"]) <= 1


@pytest.mark.matrix
def test_a_server_named_by_its_address_needs_no_dns(host: Windows) -> None:
    host.world["dns"] = {}
    parsed = parse(facts(host, server="10.0.0.5"), "windows", NOW)
    assert parsed["server"] == {
        "name": "10.0.0.5", "addresses": ["10.0.0.5"], "reverse": [], "resolves": True, "reverse_matches": None
    }  # fmt: skip


@pytest.mark.matrix
def test_opening_a_port_makes_one_rule_for_it_and_leaves_the_older_one(host: Windows) -> None:
    script = shipped_script("windows/open-port.ps1")
    ports = (9193, 9193, 9500)
    order = [item for port in ports for item in ((script, {"port": port}, ""), (FACTS, {**ARGS, "port": port}, ""))]
    answers = host.play([*order, (FACTS, ARGS, "")])
    assert answers[0:6:2] == [{"port": port, "rule": f"vbo-reconcile proxy {port}"} for port in ports]
    assert [answer["firewall"]["port"] for answer in answers[1:6:2]] == [f"{port} open" for port in ports]
    assert answers[6]["firewall"] == {"port": "9193 open"}
    ours = [item["Name"] for item in host.world["rules"] if item["Name"].startswith("vbo-reconcile")]
    assert ours == ["vbo-reconcile proxy 9193", "vbo-reconcile proxy 9500"]


@pytest.mark.matrix
def test_a_port_is_opened_in_the_profiles_of_the_networks_in_use(host: Windows) -> None:
    """The public profile stays closed on a host that is in its domain."""
    script = shipped_script("windows/open-port.ps1")
    host.world["networks"] = [{"NetworkCategory": "DomainAuthenticated"}, {"NetworkCategory": "Private"}]
    _, found = host.play([(script, {"port": 9193}, ""), (FACTS, ARGS, "")])
    (rule,) = [item for item in host.world["rules"] if item["Name"].startswith("vbo-reconcile")]
    assert rule["Profile"] == ["Domain", "Private"]
    assert found["firewall"] == {"port": "9193 open"}


@pytest.mark.matrix
def test_remote_registry_starts_by_itself_and_stays(host: Windows) -> None:
    script = shipped_script("windows/remote-registry.ps1")
    first, second, found = host.play([(script, {}, ""), (script, {}, ""), (FACTS, ARGS, "")])
    assert first == second == found["remote_registry"] == {"start": "automatic", "state": "running"}
    assert host.world["registry"][REGISTRY] == {"DisableIdleStop": 1}


@pytest.mark.matrix
def test_remote_registry_that_cannot_start_says_why(host: Windows) -> None:
    host.world["cim"]["Win32_Service"][0]["refuses"] = True
    outcome = host.run(shipped_script("windows/remote-registry.ps1"), {})
    assert outcome.code == 70
    assert outcome.stdout.strip() == ""
    assert outcome.error["message"] == "Service 'RemoteRegistry' cannot be started."
    assert outcome.error["at"]


@pytest.mark.matrix
def test_version_and_proxies_of_the_server(server: Windows) -> None:
    answer = server.run(shipped_script("server/version.ps1"), {}).document
    assert answer["version"] == "8.1.0.305"
    assert answer["proxies"][0] == {"host": "px-1", "outdated": True, "version": "8.0.2.159"}
    assert [item["outdated"] for item in answer["proxies"]] == [True, True, False]
    assert answer["repositories"] == [{"id": "r-1", "outdated": True}, {"id": "r-2", "outdated": False}]
    assert server.world["product"]["sessions"] == 0


def test_a_repository_is_upgraded_by_one_session(server: Windows) -> None:
    looks = [("r-1", False), ("r-1", True), ("r-1", True), ("r-2", True)]
    script = shipped_script("server/upgrade-repository.ps1")
    answers = server.play([(script, {"id": ident, "start": start}, "") for ident, start in looks])
    running = {"active": True, "session": "Upgrading", "outdated": True}
    assert answers == [
        {"active": False, "session": None, "outdated": True, "started": False},
        {**running, "started": True},
        {**running, "started": False},
        {"active": False, "session": None, "outdated": False, "started": False},
    ]
    assert server.world["product"]["sessions"] == 0


@pytest.mark.matrix
def test_an_upgrade_that_ended_is_started_anew(server: Windows) -> None:
    script = shipped_script("server/upgrade-repository.ps1")
    server.world["product"]["upgrades"] = [{"RepositoryId": "r-1", "RepositoryName": "disk", "Status": "Failed"}]
    looked = server.run(script, {"id": "r-1", "start": False}).document
    assert looked == {"active": False, "session": "Failed", "outdated": True, "started": False}
    assert server.run(script, {"id": "r-1", "start": True}).document["started"]
    assert "no repository with the id r-9" in server.run(script, {"id": "r-9", "start": True}).error["message"]
    server.world["product"]["away"] = "The service does not answer."
    assert server.run(script, {"id": "r-1", "start": True}).document == {"away": "The service does not answer."}


def test_the_certificate_of_the_server(server: Windows) -> None:
    answer = server.run(shipped_script("server/security-settings.ps1"), {}).document
    assert answer == {"thumbprint": "AB" * 20, "subject": "CN=Veeam Software", "expires": "2027-05-06T07:08:09Z"}
    assert server.world["product"]["sessions"] == 0


def test_setting_the_certificate_leaves_no_file(server: Windows, tmp_path: Path) -> None:
    identity = Authority(tmp_path / "pki").self_signed("new")
    args = {"pfx": base64.b64encode(identity.pfx("s3same")).decode(), "passphrase": "s3same"}
    answer = server.run(shipped_script("server/set-certificate.ps1"), args).document
    assert answer == {"thumbprint": identity.thumbprint}
    assert server.world["product"]["certificate"]["file"].endswith("certificate.pfx")
    assert server.leftovers == []
    outcome = server.run(shipped_script("server/set-certificate.ps1"), {**args, "passphrase": "wr0ng"})
    assert outcome.code == 70
    assert "wr0ng" not in outcome.stderr
    assert server.leftovers == []
    assert server.world["product"]["sessions"] == 0


WINDOWS = {"username": "CORP\\svc", "password": "s3cret"}
LINUX = {
    "account": "backup",
    "password": "",
    "private_key": "KEY\nTEXT\n",
    "passphrase": "",
    "elevate": True,
    "use_su": False,
    "root_password": "",
    "fingerprint": "F",
}


def upgraded(server: Windows, *groups: dict[str, Any], wait: int = 0) -> list[dict[str, Any]]:
    args = {"groups": list(groups), "wait": wait}
    results: list[dict[str, Any]] = server.run(shipped_script("server/update-proxy.ps1"), args).document["results"]
    assert server.world["product"]["sessions"] == 0
    assert server.leftovers == []
    return results


@pytest.mark.matrix
def test_each_login_is_one_call_of_the_cmdlet(server: Windows) -> None:
    proxies = server.world["product"]["proxies"]
    proxies += [{"Hostname": "px-3", "IsOutdated": True, "Version": "8.0.2.159"}]
    results = upgraded(
        server,
        {"proxies": ["px-1", "px-2", "vbo01"], **WINDOWS},
        {"proxies": ["px-3"], "linux": {**LINUX, "port": 2222}},
    )
    assert [(item["host"], item["ok"], item["version"]) for item in results] == [
        ("px-1", True, "8.1.0.305"),
        ("px-2", True, "8.1.0.305"),
        ("vbo01", True, "8.1.0.305"),
        ("px-3", True, "8.1.0.305"),
    ]
    product = server.world["product"]
    assert product["calls"] == ["px-1 px-2", "px-3"]  # what is not out of date is left alone
    assert [item["login"] for item in product["proxies"][:2]] == ["CORP\\svc:s3cret"] * 2
    login = product["proxies"][3]["linux"]
    assert (login["account"], login["key"], login["root"], login["fingerprint"]) == ("backup", "KEY\nTEXT\n", True, "F")
    assert (login["port"], login["su"], login["rootPassword"]) == (2222, False, "")


@pytest.mark.matrix
def test_the_password_of_root_is_for_su(server: Windows) -> None:
    server.world["product"]["proxies"] = [{"Hostname": "px-3", "IsOutdated": True, "Version": "8.0.2.159"}]
    linux = {**LINUX, "use_su": True, "root_password": "r00t of px"}
    (result,) = upgraded(server, {"proxies": ["px-3"], "linux": linux})
    assert result["ok"]
    login = server.world["product"]["proxies"][0]["linux"]
    assert (login["root"], login["su"], login["rootPassword"]) == (True, True, "r00t of px")


@pytest.mark.matrix
def test_a_proxy_that_fails_does_not_stop_the_others(server: Windows) -> None:
    proxies = server.world["product"]["proxies"]
    proxies[0]["refuses"] = "Access is denied."
    proxies += [{"Hostname": "px-3", "IsOutdated": True, "Version": "8.0.2.159", "stuck": True}]
    assert upgraded(server, {"proxies": ["px-1", "px-2", "px-3", "px-9"], **WINDOWS}) == [
        {"host": "px-1", "ok": False, "version": "8.0.2.159", "message": "Access is denied."},
        {"host": "px-2", "ok": True, "version": "8.1.0.305", "message": ""},
        {"host": "px-3", "ok": False, "version": "8.0.2.159", "message": "The proxy is still out of date."},
        {"host": "px-9", "ok": False, "version": None, "message": "The server does not know this proxy."},
    ]
    assert server.world["product"]["calls"] == ["px-1 px-2 px-3", "px-1", "px-2", "px-3"]


@pytest.mark.matrix
def test_an_upgrade_that_goes_on_after_the_cmdlet_is_waited_for(server: Windows) -> None:
    server.world["product"]["proxies"][0]["slow"] = "yes"
    assert upgraded(server, {"proxies": ["px-1", "px-2"], **WINDOWS}, wait=60)[0]["ok"]
    server.world["product"]["proxies"][0] |= {"slow": "yes", "IsOutdated": True}
    assert not upgraded(server, {"proxies": ["px-1"], **WINDOWS}, wait=0)[0]["ok"]


@pytest.mark.matrix
def test_a_server_without_the_product(server: Windows) -> None:
    server.world["product"] = None
    names = ("version", "security-settings", "set-certificate", "update-proxy", "upgrade-repository")
    answers = server.play([(shipped_script(f"server/{name}.ps1"), {"groups": []}, "") for name in names])
    assert len(answers) == len(names)
    assert all("was not loaded" in answer["error"] for answer in answers)


def order(text: str, args: Any = None) -> bytes:
    return blob(Script("windows/case.ps1", text), args or {})


def test_the_bootstrap_hands_arguments_over_whole() -> None:
    text = "param($a) [Console]::Out.WriteLine(($a | ConvertTo-Json -Compress -Depth 5))"
    args = {"text": 'it\'s "quoted" $(x) `n ä✓ \t\n', "list": [1, [2]], "none": None, "map": {"a": True}}
    assert run_blob(order(text, args)).document == args


def test_no_cmdlet_is_given_a_secret() -> None:
    """Windows can record what cmdlets are given (event 4103), and `ConvertFrom-Json` is given the first line."""
    args = {
        "password": Secret("hunter2 ä\n'x'"),
        "plain": "text",
        "groups": [{"login": {"key": Secret("hunter3"), "port": 22}}, {"login": None}],
        "empty": Secret(""),
    }
    data = order("param($a) [Console]::Out.WriteLine(($a | ConvertTo-Json -Compress -Depth 5))", args)
    first, *secrets = (base64.b64decode(line).decode() for line in data.splitlines())
    assert "hunter" not in first
    assert secrets == ["hunter2 ä\n'x'", "hunter3"]
    assert run_blob(data).document == {
        "password": "hunter2 ä\n'x'",
        "plain": "text",
        "groups": [{"login": {"key": "hunter3", "port": 22}}, {"login": None}],
        "empty": "",
    }


def test_a_secret_in_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match="the value of a key"):
        order("1", {"list": [Secret("x")]})


SECRET = re.compile(r"\$\w+\.(password|passphrase|private_key|pfx)\b|'(password|passphrase|private_key)'")


@pytest.mark.parametrize("file", sorted(playbooks_folder().rglob("*.ps1")), ids=lambda file: str(file.name))
def test_no_line_hands_a_secret_to_a_cmdlet(file: Path) -> None:
    """Functions of a script are of no module: they are not recorded. test_windows_records.py runs the engine."""
    text = file.read_text(encoding="ascii")
    own = set(re.findall(r"^function ([\w-]+)", text, re.MULTILINE))
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            for found in re.finditer(r"(?<![\w-])[A-Z][a-z]+-[A-Z]\w+", line):
                assert found[0] in own or not SECRET.search(line), line
    assert "ConvertTo-SecureString" not in text


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("throw 'No such thing.'", 70, "No such thing."),
        pytest.param("Get-Item /nowhere-at-all", 70, "nowhere-at-all", marks=pytest.mark.matrix),
        pytest.param("if (", 70, "Missing", marks=pytest.mark.matrix),
        pytest.param("exit 12", 12, "", marks=pytest.mark.matrix),
        pytest.param("sh -c 'exit 3'; [Console]::Out.WriteLine('1')", 0, "", marks=pytest.mark.matrix),
    ],
)
def test_how_a_script_ends(text: str, code: int, message: str) -> None:
    outcome = run_blob(order(text))
    assert outcome.code == code
    if message:
        assert message in outcome.error["message"]
        assert sorted(outcome.error) == ["at", "message", "type"]


@pytest.mark.parametrize(
    "data", [b"no base64!", *(pytest.param(data, marks=pytest.mark.matrix) for data in (b"", b"bm8ganNvbg=="))]
)
def test_a_blob_that_is_none(data: bytes) -> None:
    outcome = run_blob(data)
    assert outcome.code == 70
    assert outcome.error["message"]


@pytest.mark.matrix
@pytest.mark.parametrize("mode", ["ConstrainedLanguage", "RestrictedLanguage"])
def test_a_powershell_without_its_full_language_is_called_that(mode: str) -> None:
    faked = bootstrap().replace("$ExecutionContext.SessionState.LanguageMode", f"'{mode}'")
    outcome = run_text(faked, order("[Console]::Out.WriteLine('1')"))
    assert outcome.code == 1
    failed = script_failed("px-1", "running facts.ps1", outcome.code, outcome.stderr.encode(), ())
    assert f"PowerShell is in {mode} mode for this account" in failed.reason


@pytest.mark.matrix
def test_an_order_for_powershell_7_goes_on_to_it() -> None:
    data = blob(Script("server/case.ps1", "[Console]::Out.WriteLine('{}')"), {})
    relay = "function pwsh.exe { process { $global:LASTEXITCODE = 7; \"$_|$($args -join ' ')\" } }"
    assert bootstrap().count("Major -lt 7 ") == 1
    outcome = run_text(f"{relay}\n{bootstrap().replace('Major -lt 7 ', 'Major -lt 77 ')}", data)
    assert outcome.code == 7
    assert outcome.stdout.strip() == f"{data.decode()}|-NoProfile -NonInteractive -EncodedCommand {encoded_bootstrap()}"
    assert run_blob(data).document == {}


@pytest.mark.matrix
def test_ports_are_connected_to_at_once(host: Windows) -> None:
    """On real sockets: accepted, refused, and a name that does not resolve."""
    with socket.create_server(("127.0.0.1", 0)) as there, refused_port() as refused:
        targets = [f"127.0.0.1:{there.getsockname()[1]}", f"127.0.0.1:{refused}", "px-1.invalid:9193"]
        found = host.run(shipped_script("windows/reach.ps1"), {"targets": " ".join(targets)}).document
    opened = {item["target"]: item["open"] for item in found["ports"]}
    assert opened == dict(zip(targets, (True, False, None), strict=True))


@pytest.mark.matrix
def test_names_of_proxies_on_the_server(server: Windows) -> None:
    server.world["dns"] = {"px-1.example.net": ["10.0.0.7", "10.0.0.8"], "10.0.0.7": ["px-1.example.net"]}
    found = server.run(shipped_script("server/names.ps1"), {"hosts": ["px-1.example.net", "px-2.example.net"]}).document
    assert found == {
        "names": [
            {"host": "px-1.example.net", "addresses": ["10.0.0.7", "10.0.0.8"], "reverse": ["px-1.example.net"]},
            {"host": "px-2.example.net", "addresses": [], "reverse": []},
        ]
    }
    assert server.run(shipped_script("server/names.ps1"), {"hosts": []}).document == {"names": []}
