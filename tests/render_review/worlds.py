"""Plans for tests of the review renderers: real ones, made by the planner, and large or hostile ones around them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inventory import Inventory, Policy
from reconciler.model.live import HostFacts
from reconciler.model.plan import Plan
from reconciler.model.position import Position
from reconciler.model.recall import Recall
from reconciler.model.value import digest
from reconciler.plan.document import plan_to_json
from reconciler.plan.guards import GuardContext, guarded
from reconciler.plan.topology import illustrated
from tests.copying import copied
from tests.plan.world import BUILD, FakeReader, inventory, live, plan

HOSTILE = (
    "<script>alert(1)</script>",
    "</details></details><img src=x onerror=alert(1)>",
    "a|b|c",
    "``` @everyone",
    "\"quoted\" & 'single'",
    "\u202egnp.exe",
    "\u05e9\u05dc\u05d5\u05dd-\u0639\u0631\u0628\u064a",
    "# title\n- item\n```\n<!-- x",
    "[link](https://evil.example/)",
    "-->",
    "\\",
    "`",
    "]]>",
    "--",
    "::error file=x::y",
    "\x1b[31mred",
    "100%25",
)


def _proxy(number: int, **more: Any) -> dict[str, Any]:
    name = f"px-{number:02}.corp.example.com"
    base = {"id": f"p{number}", "hostName": name, "type": "Domain", "status": "Online", "version": BUILD, "port": 9193}
    return {**base, "proxyPoolId": None, "description": "", "operatingSystem": "Windows", **more}


def _organizations() -> list[str]:
    return ["contoso.onmicrosoft.com", "fabrikam.onmicrosoft.com", "tailspin.onmicrosoft.com"]


def fleet(size: int = 30) -> Inventory:
    """`size` proxies, every third of them in one of two pools, a repository and a job for each five."""
    names = [f"px-{number:02}.corp.example.com" for number in range(1, size + 1)]
    pooled = names[::3]
    half = len(pooled) // 2
    repositories: dict[str, dict[str, Any]] = {}
    jobs: dict[str, dict[str, Any]] = {}
    for index in range(max(3, size // 5)):
        organization = _organizations()[index % 3]
        stem = f"{organization.split('.')[0]}-{index // 3 + 1}"
        owner = f"proxy.{names[(index * 5 + 1) % size]}" if index % 4 else f"pool.{'cloud' if index % 8 else 'archive'}"
        repositories[f"{stem}-store"] = {"owner": owner, "path": f"D:\\VBO\\{stem}", "retention.keep": "3 years"}
        jobs[f"{stem}-daily"] = {"organization": organization, "repository": f"{stem}-store", "items": "all"}
    proxies = {name: {"type": "domain", "port": 9193, "credentials": "corp"} for name in names}
    proxies[names[3]] = {**proxies[names[3]], "throttle": {"value": 100, "unit": "Mbps"}}
    proxies[names[4]] = {**proxies[names[4]], "threads": 64}
    archive = {"members": pooled[half:], "description": "cold data"}
    pools: dict[str, dict[str, Any]] = {"cloud": {"members": pooled[:half]}, "archive": archive}
    organizations: dict[str, dict[str, Any]] = {name: {} for name in _organizations()}
    return inventory(proxy=proxies, pool=pools, repository=repositories, job=jobs, organization=organizations)


@cache
def fleet_plan(size: int = 30) -> tuple[Inventory, Plan]:
    """A plan with every kind of thing that a reviewer meets: drift, creations, a deletion, blocked ones, guards."""
    policy = Policy(max_deletes=0, max_changes=2, protect=("proxy.px-old.*",))
    wanted = replace(fleet(size), policy=policy)
    reader = FakeReader(
        {
            "Proxies": [
                _proxy(number, port=9194 if number == 2 else 9193, version="8.4.0.1" if number == 5 else BUILD)
                for number in range(1, size - 1)
            ]
            + [_proxy(90, hostName="px-old.corp.example.com", description="kept until March [vbo-reconcile:corp]")],
            "Organizations": [{"id": f"o{n}", "name": name} for n, name in enumerate(_organizations()[:2])],
            "ProxyPools": [{"id": "pool-1", "name": "cloud", "description": ""}],
            "BackupRepositories": [],
            "Jobs": [],
        }
    )
    moved = {"proxy.px-02.corp.example.com": {"port": digest(9193)}}
    unreachable = Diagnostic(
        "unreachable",
        "Host cannot be reached",
        "px-07.corp.example.com did not answer on port 5986 within 20 s.",
        "Open the port, or check the name:\n    Test-NetConnection px-07.corp.example.com -Port 5986",
        position=Position("inventory.yml", 70, 3),
        address="host.px-07.corp.example.com",
    )
    clock = Diagnostic(
        "host-clock",
        "Host requirement not met",
        "clock is 400 s off.",
        "Set it.",
        Severity.WARNING,
        None,
        "host.px-08.corp.example.com",
    )
    hosts = {
        "px-07.corp.example.com": HostFacts("px-07.corp.example.com", {}, unreachable),
        "px-08.corp.example.com": HostFacts("px-08.corp.example.com", {}, clock),
    }
    seen = live(wanted, reader, hosts)
    made = plan(wanted, reader, hosts=hosts, recall=Recall(applied=moved))
    facts = GuardContext(made, wanted, seen, datetime(2026, 11, 23, tzinfo=UTC))
    return wanted, guarded(facts, {"max-changes": "agreed with the owners"})


def document(size: int = 30) -> dict[str, Any]:
    """The JSON form of `fleet_plan`, with its files and topology. Each call has a separate copy."""
    return copied(_document(size))


@cache
def _document(size: int) -> dict[str, Any]:
    wanted, made = fleet_plan(size)
    return illustrated(plan_to_json(made), wanted)


def rolling() -> dict[str, Any]:
    """A plan whose first changes disrupt proxies: a canary, then two at a time."""
    base = document()
    first, *others = [change["key"] for change in base["changes"][:3]]
    base["batches"] = [[first], others]
    return base


def large(count: int = 5000) -> dict[str, Any]:
    """A plan of `count` changes, by copying those of a real one under other names."""
    base = document()
    source = base["changes"]
    base["changes"] = [_renamed(source[index % len(source)], index) for index in range(count)]
    base["counts"] = counted(base)
    return base


def hostile() -> dict[str, Any]:
    """A plan in which every text that comes from elsewhere is an attempt at something."""
    base = document()
    for index, change in enumerate(base["changes"]):
        bad = HOSTILE[index % len(HOSTILE)]
        change["address"] = f"{change['address'].partition('.')[0]}.{bad}"
        change["key"] = f"{change['action']}:{change['address']}"
        change["cause"]["detail"] = bad
        change["disrupts"] = [bad]
        if change["blocked"]:
            change["blocked"] = bad
        for item in change["fields"]:
            item["after"] = bad if isinstance(item["after"], str) else item["after"]
            item["path"] = f"{item['path']}{bad}"
    for index, part in enumerate((*base["problems"], *base["reports"], *base["unknown"], *base["refusals"])):
        bad = HOSTILE[index % len(HOSTILE)]
        for key in ("detail", "summary", "fix", "why", "address", "path", "waiver"):
            if part.get(key):
                part[key] = bad
    for index, node in enumerate(base["topology"]["nodes"]):
        node["label"] = HOSTILE[index % len(HOSTILE)]
    base["batches"] = [[change["key"]] for change in base["changes"]]
    base["inventory"]["name"] = "corp --> <b>"
    return base


def counted(plan: dict[str, Any]) -> dict[str, int]:
    """`counts` of a plan, counted from its changes."""
    found = dict.fromkeys(plan["counts"], 0)
    for change in plan["changes"]:
        found[change["action"]] += 1
        found["blocked"] += bool(change["blocked"])
    return {**found, "unknown": len(plan["unknown"])}


def _renamed(change: dict[str, Any], index: int) -> dict[str, Any]:
    twin = copied(change)
    twin["address"] = f"{change['address']}-{index}"
    twin["key"] = f"{change['action']}:{twin['address']}"
    return twin
