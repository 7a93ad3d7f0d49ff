"""Random small worlds, one for each seed: an inventory, what the server and the hosts show, and what is remembered.

They are drawn for variety, not to be sensible: owners that do not exist, versions of every age, proxies in any state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.live import HostFacts, Live, LiveResource
from reconciler.model.recall import Recall
from reconciler.model.script import Script
from reconciler.model.value import digest
from reconciler.requirements import Playbook, Remedy, Requirement
from tests.plan.world import BUILD, FakeReader, inventory, live

OURS = "[vbo-reconcile:corp]"
OWNERS = ("", "text", OURS, f"text {OURS}", "[vbo-reconcile:other]")
BUILDS = (*[BUILD] * 6, "8.1.0.305", "8.4.0.1457", "8.6.0.100", "8.5.0.2000", None)
ORGANIZATION = "contoso.example.com"


REQUIREMENTS = (
    Requirement("clock", "clock", "equals", True, "why", remedy=Remedy("clock.sh")),
    Requirement("share", "share", "equals", True, "why", remedy=Remedy("share.sh", restart=True)),
    Requirement("disk", "disk", "equals", True, "why", manual="Change it by hand."),
    Requirement("reboot", "reboot", "equals", True, "why", is_advice=True),
)
PLAYBOOKS = {name: Playbook(name, Script("", ""), REQUIREMENTS, {}) for name in ("linux", "windows")}


@dataclass(frozen=True)
class World:
    inventory: Inventory
    live: Live
    recall: Recall


def world(seed: int) -> World:
    draw = Random(seed)
    rest = draw.choice([8, 8, 8, 8, 7, 6, 5])
    names = [f"px-{number}" for number in range(1, draw.randint(2, 7))]
    pools = ["a", "b", "c"][: draw.randint(0, 3)] if rest == 8 else []
    declared = {name: _declared_proxy(draw, rest) for name in names if draw.random() < 0.75}
    absent = {name: _declared_proxy(draw, rest) for name in names if name not in declared and draw.random() < 0.5}
    proxies = [_live_proxy(draw, name, pools, rest) for name in names if draw.random() < 0.8]
    repositories = [_live_repository(draw, f"repo-{n}", proxies) for n in range(draw.randint(0, 3)) if proxies]
    jobs = [_live_job(draw, f"job-{n}", repositories) for n in range(draw.randint(0, 3)) if repositories]
    answers = {
        "Proxies": proxies,
        "ProxyPools": [{"id": pool, "name": pool, "description": draw.choice(OWNERS)} for pool in pools],
        "Accounts": [{"id": "account", "userName": "key"}],
        "Organizations": [{"id": "org", "name": ORGANIZATION}][: draw.choice([1, 1, 1, 0])],
        "BackupRepositories": repositories,
        "Jobs": jobs,
    }
    wanted = inventory(**_sections(draw, declared, pools))
    wanted = replace(wanted, removed=inventory(proxy=absent).resources)
    reader = FakeReader(answers, rest=rest, build=draw.choice([BUILD] * 4 + ["8.6.0.200"]))
    hosts = {name: _host(draw, name) for name in names if draw.random() < 0.75}
    seen = live(wanted, reader, hosts)
    return World(wanted, replace(seen, resources=_with_verdicts(draw, seen)), _recall(draw, names))


def _declared_proxy(draw: Random, rest: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": draw.choice(["workgroup", "workgroup", "domain"])}
    optional = {
        "os": "linux",
        "port": draw.choice([9193, 9200]),
        "credentials": "corp",
        "description": draw.choice(["text", "other"]),
        "service.version": draw.choice(["server", BUILD, "8.4.0.1457", "8.6.0.100"]),
    }
    fields |= {name: value for name, value in optional.items() if draw.random() < 0.3}
    if rest < 8:
        fields.pop("os", None)
    if draw.random() < 0.3:
        build = draw.choice([BUILD, BUILD, "8.4.0.1457", "8.6.0.100"])
        package = {"source": f"p/proxy_{build}_amd64.{draw.choice(['deb', 'msi'])}", "sha256": "5e" * 32}
        fields |= {"service.install": "package", "service.package": package}
    return fields


def _with_verdicts(draw: Random, seen: Live) -> dict[Address, LiveResource]:
    """The live objects, with what PowerShell says of the version of some proxies."""
    return {
        where: replace(found, state=replace(found.proxy, outdated=draw.choice([True, False])))
        if found.kind == "proxy" and draw.random() < 0.4
        else found
        for where, found in seen.resources.items()
    }


def _live_proxy(draw: Random, name: str, pools: list[str], rest: int) -> dict[str, Any]:
    raw = {
        "id": name,
        "hostName": name,
        "type": draw.choice(["Workgroup"] * 5 + ["Domain", "Domain", "Local"]),
        "status": draw.choice(["Online"] * 8 + ["Offline", "Offline", None]),
        "version": draw.choice(BUILDS),
        "port": draw.choice([9193, 9193, 9200]),
        "description": draw.choice(OWNERS),
    }
    if rest == 8:
        raw |= {
            "proxyPoolId": draw.choice([None, *pools]),
            "operatingSystem": draw.choice(["Windows"] * 3 + ["Linux"]),
            "maintenanceModeState": draw.choice(["Disabled"] * 6 + ["Enabled", "Enabling", None]),
        }
    return raw


def _live_repository(draw: Random, name: str, proxies: list[dict[str, Any]]) -> dict[str, Any]:
    owner = draw.choice(proxies)
    held = {"proxyPoolId": owner["proxyPoolId"]} if owner.get("proxyPoolId") else {"proxyId": owner["id"]}
    storage = {
        "type": "AmazonS3Compatible",
        "accountId": "account",
        "amazonBucketS3Compatible": {"name": "b"},
        "s3Folder": draw.choice(["f1", "f2"]),
    }
    place: dict[str, Any] = {"path": draw.choice(["D:\\x", "D:\\y"])}
    return {
        "id": name,
        "name": name,
        "description": draw.choice(OWNERS),
        "retentionType": draw.choice(["ItemLevel", "SnapshotBased"]),
        **held,
        **(place if draw.random() < 0.5 else {"objectStorage": storage}),
    }


def _live_job(draw: Random, name: str, repositories: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "description": draw.choice(OWNERS),
        "organizationId": "org",
        "repositoryId": draw.choice(repositories)["id"],
        "backupType": "EntireOrganization",
        "lastRun": draw.choice([None, "2026-10-03T22:00:00Z"]),
    }


def _sections(draw: Random, proxies: dict[str, Any], pools: list[str]) -> dict[str, Any]:
    members: dict[str, list[str]] = {}
    for name in proxies:
        if pools and draw.random() < 0.6:
            members.setdefault(draw.choice(pools), []).append(name)
    owners = [f"proxy.{name}" for name in proxies] + [f"pool.{name}" for name in members]
    names = [draw.choice([f"repo-{number}", f"new-{number}"]) for number in range(draw.randint(0, 3)) if owners]
    repositories = {name: _declared_repository(draw, owners) for name in names}
    jobs = {f"job-{n}": _declared_job(draw, repositories) for n in range(draw.randint(0, 3)) if repositories}
    return {
        "proxy": proxies,
        "pool": {name: {"members": found} for name, found in members.items()},
        "repository": repositories,
        "organization": {job["organization"]: {} for job in jobs.values()},
        "job": jobs,
        "smtp": {"": {"server": "smtp.example.com", "port": 25}} if draw.random() < 0.2 else {},
    }


def _declared_repository(draw: Random, owners: list[str]) -> dict[str, Any]:
    parts = {"type": "s3-compatible", "account": "key", "bucket": "b", "folder": draw.choice(["f1", "f2"])}
    storage = {f"object_storage.{name}": value for name, value in parts.items()}
    place: dict[str, Any] = {"path": draw.choice(["D:\\x", "D:\\y"])}
    fields = {"owner": draw.choice(owners), **(place if draw.random() < 0.5 else storage)}
    return {**fields, **({"retention.type": draw.choice(["item-level", "snapshot"])} if draw.random() < 0.4 else {})}


def _declared_job(draw: Random, repositories: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "organization": draw.choice([ORGANIZATION] * 4 + ["fabrikam.example.com"]),
        "repository": draw.choice(sorted(repositories)),
        "items": "all",
        "run": draw.choice(["on-change"] * 3 + ["always", "never"]),
    }


def _host(draw: Random, name: str) -> HostFacts:
    if draw.random() < 0.2:
        return HostFacts(name, {}, Diagnostic("unreachable", "No connection", f"{name}: connecting: refused"))
    installed = {
        "installed": True,
        "version": draw.choice(BUILDS),
        "state": draw.choice(["running", "stopped"]),
        "listening": draw.choice([True, False]),
        "unregistered": draw.random() < 0.3,
        "unfinished": draw.random() < 0.2,
    }
    facts = {item.fact: draw.choice([True, True, True, True, False, None]) for item in REQUIREMENTS}
    return HostFacts(name, {**facts, "service": draw.choice([None, {}, {"installed": False}, installed, installed])})


def _recall(draw: Random, names: list[str]) -> Recall:
    applied: dict[str, dict[str, str]] = {f"drain.{name}": {"(drain)": "x"} for name in names if draw.random() < 0.3}
    applied |= {
        f"proxy.{name}": {"port": digest(9193), "credentials": "first"} for name in names if draw.random() < 0.3
    }
    applied |= {
        f"job.job-{number}": {"(run)": draw.choice(["pending", "begun after no run"])}
        for number in range(3)
        if draw.random() < 0.3
    }
    secrets = {f"proxy.{name}": {"credentials": draw.choice(["first", "second"])} for name in names}
    return Recall(applied=applied, secrets=secrets)
