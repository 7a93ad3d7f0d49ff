"""The guard of the server certificate: workgroup proxies are given a new one only while they are online."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.address import kind_of
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Refusal
from reconciler.plan.guards.context import GuardContext


def certificate(context: GuardContext) -> Iterable[Refusal]:
    """A Windows workgroup proxy that is away while the certificate is replaced does not trust its server afterwards.
    One whose type or status is unknown may be such a proxy."""
    changes = [
        change.address
        for change in context.changes(Action.UPDATE, Action.CREATE)
        if kind_of(change.address) == "certificate"
    ]
    lost = sorted(found.name for found in context.live.resources.values() if may_be_lost(found))
    if changes and lost:
        verb = "is" if len(lost) == 1 else "are"
        detail = (
            f"{', '.join(lost)} {verb} not online, and would not trust the server after its certificate is replaced: "
            "bring them online first"
        )
        yield Refusal("certificate", detail, tuple(changes))


def may_be_lost(found: LiveResource) -> bool:
    """Whether this object is a proxy that would not get a new certificate now."""
    if found.kind != "proxy" or found.proxy.is_local or found.proxy.is_linux or found.proxy.is_online:
        return False
    return found.fields.get("type") not in ("domain", "local")
