"""A proxy that is to be deleted and one that is to be created may be one machine: its entry names another host now, or
its host has another domain. The server knows no rename of a proxy, so neither is done until the inventory says which of
the two it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.kinds.hosts import is_address
from reconciler.kinds.proxy_matching import normal
from reconciler.model.address import kind_of
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Report, ReportLevel
from reconciler.plan.passes import Inputs, PlanPart
from reconciler.plan.proxies.view import ProxyView


def with_successors(part: PlanPart, proxy: ProxyView) -> PlanPart:
    """`part` deletes the proxy, which is not declared. Neither it nor the creation of a declared proxy that may be the
    same machine is done; a report says what to write."""
    found = proxy.live
    successors = list(_successors(found, proxy.inputs)) if found is not None and proxy.absent is None else []
    if found is None or not successors:
        return part
    obstacles = {
        f"{action.value}:{item.address}": f"{proxy.address} may be the same machine: see the report"
        for item in successors
        for action in (Action.CREATE, Action.TAKEOVER)
    }
    why = f"{successors[0].address} may be the same machine: see the report"
    kept = {str(change.key): why for change in part.changes if kind_of(change.address) == "proxy"}
    reports = tuple(_report(item, found, proxy) for item in successors)
    return replace(part, reports=(*part.reports, *reports), obstacles={**part.obstacles, **obstacles, **kept})


def _successors(found: LiveResource, inputs: Inputs) -> Iterator[Resource]:
    """The declared proxies that are not on the server, and had the address or have the short name of this one."""
    known = inputs.recall.memory.address_of("proxy", found.id)
    for item in inputs.inventory.of_kind("proxy"):
        if item.address in inputs.live.resources or item.is_local:
            continue
        both_known = known not in ("", item.address) and item.address in inputs.recall.applied
        if not both_known and (known == item.address or _is_namesake(item, found)):
            yield item


def _is_namesake(declared: Resource, found: LiveResource) -> bool:
    hosts = [normal(str(host or "")) for host in (declared.fields.get("host"), found.proxy.host)]
    one, other = (host.partition(".")[0] for host in hosts)
    return one == other != "" and not any(map(is_address, hosts))


def _report(declared: Resource, found: LiveResource, proxy: ProxyView) -> Report:
    there, here = str(found.proxy.host or found.name), str(declared.fields.get("host", declared.name))
    known = proxy.inputs.recall.memory.address_of("proxy", found.id) == declared.address
    was = f"it was on {there} at the last apply" if known else f"{proxy.address} is on {there}"
    needed = (name for name in ("os", "type", "credentials") if name in declared.fields)
    login = "".join(f", {name}: {declared.fields[name]}" for name in needed)
    fix = (
        f"If it is the same machine, declare the name that it is registered by:\n  host: {there}\n"
        f"If it is another one, declare the old one absent until it is removed:\n"
        f"  {declared.name}-old: {{host: {there}{login}, state: absent}}"
    )
    detail = f"{was}, and its host is {here} now: neither is changed"
    place = declared.positions.get("host", declared.position)
    return Report(declared.address, "other-host", detail, place, ReportLevel.WARNING, fix)
