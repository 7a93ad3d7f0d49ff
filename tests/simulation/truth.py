"""What differs at a server, read from the state of the lab and the inventory: nothing of the program is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulation.world import World

Difference = tuple[str, str]
"""The address of an object and the field that differs, `create` if it is missing, `upgrade` if its build is old."""


def differences(world: World) -> set[Difference]:
    return {*_proxies(world), *_repositories(world), *_jobs(world), *_mail(world)}


def away(world: World) -> set[str]:
    """The proxies whose hosts do not answer."""
    return {name for name, proxy in world.wanted["proxies"].items() if world.hosts[proxy["host"]].power != "on"}


def results(world: World) -> dict[str, str]:
    """The result of the last session of each job that is declared and exists, `Unknown` before the first one."""
    there = _by_name(world, "jobs")
    return {f"job.{name}": there[name]["lastStatus"] or "Unknown" for name in world.wanted["jobs"] if name in there}


def _by_name(world: World, section: str, key: str = "name") -> dict[str, Mapping[str, Any]]:
    return {item[key]: item for item in world.state[section].values()}


def _proxies(world: World) -> Iterator[Difference]:
    there = _by_name(world, "proxies", "hostName")
    for name, proxy in world.wanted["proxies"].items():
        found = there[proxy["host"]]
        if (wanted := proxy.get("throttle")) is not None and (
            wanted != f"{found['throttlingValue']} Mbps" or not found["enableNetworkThrottling"]
        ):
            yield f"proxy.{name}", "throttle"
        if found["description"] != f"{proxy['description']} [vbo-reconcile:{world.wanted['name']}]":
            yield f"proxy.{name}", "description"
        if world.hosts[proxy["host"]].state["proxy"]["version"] != world.state["build"]:
            yield f"proxy.{name}", "upgrade"


def _repositories(world: World) -> Iterator[Difference]:
    there = _by_name(world, "repositories")
    for name, wanted in world.wanted["repositories"].items():
        years = wanted["retention"]["keep"].partition(" ")[0]
        if there[name]["yearlyRetentionPeriod"] not in (f"Year{years}", f"Years{years}"):
            yield f"repository.{name}", "retention.keep"
        if there[name]["isOutdated"]:
            yield f"repository.{name}", "upgrade"


def _jobs(world: World) -> Iterator[Difference]:
    there = _by_name(world, "jobs")
    for name, wanted in world.wanted["jobs"].items():
        if name not in there:
            yield f"job.{name}", "create"
        elif there[name]["schedulePolicy"]["dailyTime"][:5] != wanted["schedule"]["daily"]:
            yield f"job.{name}", "schedule"


def _mail(world: World) -> Iterator[Difference]:
    if world.state["email"]["to"] != ";".join(world.wanted["smtp"]["to"]):
        yield "smtp", "to"
