"""Addresses of the policy that mean nothing, such as a misspelled name."""

from __future__ import annotations

from reconciler.model.address import address, fits
from reconciler.model.plan import Report, ReportLevel
from reconciler.model.sentences import nearest
from reconciler.plan.passes import Inputs


def unprotected(inputs: Inputs) -> tuple[Report, ...]:
    """A warning for each pattern of `policy.protect`, and each name in `policy.auto`, that matches no address, declared
    or live."""
    inventory = inputs.inventory
    hosts = (str(found.proxy.host or "").lower() for found in inputs.live.resources.values())
    names = {f"proxy.{name}" for host in hosts if host for name in (host, host.partition(".")[0])}
    known = sorted({*names, *inventory.resources, *inventory.removed, *inputs.live.resources})
    idle = [pattern for pattern in inventory.policy.protect if not any(fits(where, pattern) for where in known)]
    automatic = {pattern for rule in inventory.policy.automatic for pattern in rule.addresses}
    hosts_too = {*known, *(address("host", item.name) for item in inventory.of_kind("proxy"))}
    unmet = sorted(pattern for pattern in automatic - hosts_too if not set(pattern) & set("*?["))
    return (*(_report(pattern, known) for pattern in idle), *(_no_rule(pattern, known) for pattern in unmet))


def _no_rule(pattern: str, known: list[str]) -> Report:
    near = nearest(pattern, known)
    fix = f"Did you mean {near}?" if near else "Correct the address, or remove it: proxy.px-1, 'job.*'."
    detail = f"`policy.auto`: {pattern} matches nothing that is declared or on the server"
    return Report("policy", "allows-nothing", detail, None, ReportLevel.WARNING, fix)


def _report(pattern: str, known: list[str]) -> Report:
    near = nearest(pattern, known)
    fix = f"Did you mean {near}?" if near else "Correct the address, or remove it: proxy.px-1, 'repository.*'."
    detail = f"`policy.protect`: {pattern} matches nothing that is declared or on the server"
    return Report("policy", "protects-nothing", detail, None, ReportLevel.WARNING, fix)
