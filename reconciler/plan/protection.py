"""Entries of `policy.protect` that protect nothing, such as a misspelled name."""

from __future__ import annotations

from reconciler.model.address import fits
from reconciler.model.plan import Report, ReportLevel
from reconciler.model.sentences import nearest
from reconciler.plan.passes import Inputs


def unprotected(inputs: Inputs) -> tuple[Report, ...]:
    """A warning for each pattern that matches no address, declared or live."""
    inventory = inputs.inventory
    hosts = (str(found.proxy.host or "").lower() for found in inputs.live.resources.values())
    names = {f"proxy.{name}" for host in hosts if host for name in (host, host.partition(".")[0])}
    known = sorted({*names, *inventory.resources, *inventory.removed, *inputs.live.resources})
    idle = [pattern for pattern in inventory.policy.protect if not any(fits(where, pattern) for where in known)]
    return tuple(_report(pattern, known) for pattern in idle)


def _report(pattern: str, known: list[str]) -> Report:
    near = nearest(pattern, known)
    fix = f"Did you mean {near}?" if near else "Correct the address, or remove it: proxy.px-1, 'repository.*'."
    detail = f"`policy.protect`: {pattern} matches nothing that is declared or on the server"
    return Report("policy", "protects-nothing", detail, None, ReportLevel.WARNING, fix)
