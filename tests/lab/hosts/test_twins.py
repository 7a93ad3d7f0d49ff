"""The lab's Windows hosts agree with the shipped scripts: both answer for one world, in Python and in PowerShell."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.hosts.host import Fresh
from reconciler.lab.hosts.windows.machine import HARDWARE, fresh, is_running, short_name
from reconciler.lab.hosts.windows.powershell import KNOWN, catalogue, digest
from reconciler.lab.hosts.windows.twins import READING, TWINS, World, emulated_facts
from reconciler.package_data import shipped_script
from reconciler.requirements.facts import example
from tests.hosts.powershell import Windows
from tests.hosts.windows import ADMINISTRATOR, EXE, REGISTRY, firewall_profile, rule, service

SERVER, ADDRESS = "vbo01.corp.example.com", "10.0.0.5"
ARGS = {"port": 9193, "server": SERVER, "now": "2026-03-01T12:00:00+00:00"}
START = {"automatic": "Auto", "manual": "Manual", "disabled": "Disabled"}
GIGABYTE = 1 << 30


def world(state: dict[str, Any], files: Path = Path("nowhere")) -> World:
    return World(
        state,
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        lambda name: [ADDRESS] if name == SERVER else [],
        lambda address: [SERVER] if address == ADDRESS else [],
        files,
    )


def windows_of(state: dict[str, Any]) -> dict[str, Any]:
    """The lab's state of a host as the Windows that the stubs play."""
    name, proxy, registry = short_name(state), state["proxy"], state["remote_registry"]
    services = [service("RemoteRegistry", START[registry["start"]], registry["state"].capitalize())]
    if proxy:
        path = f'"{EXE}"'
        services.append(service("Veeam.Archiver.Proxy", START[proxy["start"]], proxy["state"].capitalize(), path))
    version = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
    keys: dict[str, dict[str, Any]] = {
        REGISTRY: {},
        "HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager": {},
        "HKLM:\\SOFTWARE\\Microsoft\\PowerShellCore\\InstalledVersions": {},
    }
    if state["dotnet"]["framework"]:
        keys["HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full"] = {
            "Release": state["dotnet"]["framework"]
        }
    for number, core in enumerate(state["powershell"]["core"]):
        keys[f"HKLM:\\SOFTWARE\\Microsoft\\PowerShellCore\\InstalledVersions\\{number}"] = {"SemanticVersion": core}
    if "windows-update" in state["reboot"]:
        keys[f"{version}\\WindowsUpdate\\Auto Update\\RebootRequired"] = {}
    firewall = state["firewall"]
    rules = [rule(f"policy {port}", str(port)) for port in firewall["ports"]]
    return {
        "cim": {
            "Win32_OperatingSystem": [{"Caption": state["caption"], "Version": state["release"], "SystemDrive": "C:"}],
            "Win32_ComputerSystem": [
                {
                    "Name": name.upper(),
                    "DNSHostName": name,
                    "PartOfDomain": bool(state["domain"]),
                    "Domain": state["domain"] or "WORKGROUP",
                    "NumberOfLogicalProcessors": HARDWARE["cores"],
                    "TotalPhysicalMemory": HARDWARE["memory_gb"] * GIGABYTE - 7,
                }
            ],
            "Win32_LogicalDisk": [{"DeviceID": "C:", "FreeSpace": state["free_gb"] * GIGABYTE + 5}],
            "Win32_Share": [{"Name": "ADMIN$"}] if state["admin_share"] else [],
            "Win32_Service": services,
        },
        "registry": keys,
        "groups": ADMINISTRATOR if "admin" not in state["faults"] else ["S-1-5-32-580"],
        "files": {EXE: proxy["version"]} if proxy else {},
        "dns": {SERVER: [ADDRESS], ADDRESS: [SERVER]},
        "listeners": [445, proxy["port"]] if is_running(state) else [445],
        "profiles": [firewall_profile(item, Enabled=str(firewall["on"])) for item in ("Domain", "Private", "Public")],
        "networks": [{"NetworkCategory": "DomainAuthenticated" if state["domain"] else "Public"}],
        "rules": rules,
    }


def installed(**changes: Any) -> dict[str, Any]:
    return {"version": "8.4.0.1457", "port": 9193, "start": "automatic", "state": "running"} | changes


STATES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "fresh": lambda state: None,
    "proxy": lambda state: state.update(proxy=installed()),
    "proxy on another port": lambda state: state.update(proxy=installed(port=9500)),
    "proxy stopped": lambda state: state.update(proxy=installed(state="stopped", start="manual")),
    "port open by policy": lambda state: state["firewall"].update(ports=[443, 9193]),
    "firewall off": lambda state: state["firewall"].update(on=False),
    "no share, little room": lambda state: state.update(admin_share=False, free_gb=0),
    "waits for a restart": lambda state: state.update(reboot=["windows-update"]),
    "no administrator": lambda state: state["faults"].update(admin="no"),
    "no framework, no core": lambda state: (
        state["dotnet"].update(framework=0),
        state["powershell"].update(core=[]),
    ),
}


def state_of(domain: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    state = fresh(Fresh(f"px-1.{domain or 'example.net'}", "windows", domain))
    change(state)
    return state


@pytest.fixture
def engine(tmp_path: Path) -> Windows:
    made = Windows(tmp_path, {})
    for framework in ("Microsoft.NETCore.App", "Microsoft.AspNetCore.App"):
        made.install_dotnet(framework, "8.0.11")
    return made


def reported(document: dict[str, Any]) -> dict[str, Any]:
    """Without what is the engine's own: its clock and its version."""
    document = copy.deepcopy(document)
    document.pop("clock")
    document["powershell"].pop("version")
    document["account"].pop("user")
    return document


def part(document: dict[str, Any], emulated: dict[str, Any]) -> dict[str, Any]:
    """Of a document the facts that are emulated."""
    return {
        key: {name: document[key][name] for name in value} if isinstance(value, dict) else document[key]
        for key, value in emulated.items()
    }


@pytest.mark.matrix
@pytest.mark.parametrize("domain", ["corp.example.com", ""], ids=["domain", "workgroup"])
def test_facts(engine: Windows, domain: str) -> None:
    states = {name: state_of(domain, change) for name, change in STATES.items()}
    answers = engine.ask(shipped_script("windows/facts.ps1"), [(windows_of(state), ARGS) for state in states.values()])
    ours = {name: reported(emulated_facts(world(state), ARGS)) for name, state in states.items()}
    assert ours == {name: part(reported(answer), ours[name]) for name, answer in zip(states, answers, strict=True)}


def test_facts_that_are_not_emulated_are_those_of_the_example() -> None:
    shown = example(shipped_script("windows/facts.ps1"))
    document = TWINS["windows/facts.ps1"](world(state_of("", lambda state: None)), ARGS)
    emulated = emulated_facts(world(state_of("", lambda state: None)), ARGS)
    assert set(document) == set(shown)
    assert {key: document[key] for key in shown.keys() - emulated.keys()} == {
        key: shown[key] for key in shown.keys() - emulated.keys()
    }
    assert all(set(document[key]) >= set(value) for key, value in shown.items() if isinstance(value, dict))


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("fresh", "windows/open-port.ps1", {"port": 9193}),
    ("port open by policy", "windows/open-port.ps1", {"port": 9500}),
    ("port open by policy", "windows/open-port.ps1", {"port": 9500}),
    ("fresh", "windows/remote-registry.ps1", {}),
]


@pytest.mark.matrix
@pytest.mark.parametrize(("case", "name", "args"), CHANGES)
def test_changes(engine: Windows, case: str, name: str, args: dict[str, Any]) -> None:
    """The same answer, and the same facts afterwards."""
    state = state_of("", STATES[case])
    engine.world = windows_of(state)
    assert engine.run(shipped_script(name), args).document == TWINS[name](world(state), args)
    theirs = engine.ask(
        shipped_script("windows/facts.ps1"), [(engine.world, ARGS), (engine.world, {**ARGS, "port": 9500})]
    )
    ours = [reported(emulated_facts(world(state), {**ARGS, "port": port})) for port in (9193, 9500)]
    assert [part(reported(answer), mine) for answer, mine in zip(theirs, ours, strict=True)] == ours


def test_every_shipped_script_has_a_twin() -> None:
    names = set(catalogue().values())
    anywhere = "server/names.ps1"  # needs nothing of the product
    assert {name for name in names if not name.startswith("server/")} | {anywhere} == set(KNOWN)
    assert {name for name in names if name.startswith("server/")} >= {"server/version.ps1"}
    assert catalogue()[digest(shipped_script("windows/facts.ps1").text)] == "windows/facts.ps1"


def test_the_clock_is_moved_by_the_skew() -> None:
    state = state_of("", lambda state: state.update(clock=-600))
    assert TWINS["windows/facts.ps1"](world(state), ARGS)["clock"] == {"utc": "2026-03-01T11:50:00Z"}


@pytest.mark.parametrize("name", sorted(READING))
@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_what_only_reads_leaves_the_state_and_answers_in_json(
    name: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    state = state_of("corp.example.com", change)
    before = copy.deepcopy(state)
    answer = KNOWN[name](world(state), {**ARGS, "hosts": [SERVER], "targets": f"{SERVER}:9191"})
    assert state == before
    assert json.loads(json.dumps(answer)) == answer
