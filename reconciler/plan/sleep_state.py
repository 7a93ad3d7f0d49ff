"""Proxies that are switched off on purpose, as proxies in clouds are outside of the backup hours (facts, 10 and 14)."""

from __future__ import annotations

from typing import Final

from reconciler.model.inventory import Resource
from reconciler.model.live import HostFacts, LiveResource
from reconciler.model.recall import Recall
from reconciler.plan.maintenance import is_ours

UNREACHABLE: Final = "unreachable"
"""The code of the problem of a host that no connection could be made to."""


def may_sleep(declared: Resource | None) -> bool:
    """Whether it is declared that the host may be off."""
    return declared is not None and declared.fields.get("sleep") == "allowed"


def is_asleep(declared: Resource | None, found: LiveResource | None, host: HostFacts | None, recall: Recall) -> bool:
    """Whether the host of a registered proxy is off, and is meant to be: `sleep: allowed` is declared, or users put it
    into maintenance mode before. Which status the server shows in maintenance mode is not documented, so the host
    itself must be away, too."""
    if declared is None or found is None:
        return False
    is_away = host is not None and host.problem is not None and host.problem.code == UNREACHABLE
    if may_sleep(declared):
        return is_away or (host is None and found.proxy.is_offline)
    rests = found.proxy.in_maintenance and not found.proxy.is_online
    return rests and is_away and not is_ours(recall, declared.name)
