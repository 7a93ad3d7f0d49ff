"""Proxy pools (REST v8 only). The members are said at the proxies (`pool:`) and gathered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.api import TEXTS
from reconciler.kinds.common import DESCRIPTION, FORMERLY, shown_name, wanted_name
from reconciler.kinds.field import Context, Field, Kind, Mode, Raw, nothing


def decode_members(raw: Raw, context: Context) -> Any:
    """Observation adds `proxyIds` to the pool, from `proxyPoolId` of every proxy: the pool itself does not list."""
    return sorted(context.named("proxy", ident) for ident in raw["proxyIds"])


def loses_members(live: Any, wanted: Any) -> bool:
    """A proxy outside of its pool does none of the work of the pool."""
    return isinstance(live, list) and bool({*wanted} - {*live})


def on_create(context: Context, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    members = [{"proxyId": context.id_of("proxy", name)} for name in fields.get("members", ())]
    return {"proxyIds": members}


POOL = Kind(
    name="pool",
    section="pools",
    doc="Proxies that share the work on object storage repositories.",
    rank=30,
    collection="ProxyPools",
    since=8,
    live_key=shown_name,
    wanted_key=wanted_name,
    likeness=(("members",),),
    on_create=on_create,
    added=(("proxyIds", TEXTS),),
    fields=(
        Field("name", "Name of the pool.", "name", Mode.KEY, on_put=True),
        FORMERLY,
        DESCRIPTION,
        Field(
            "members",
            "Proxies of the pool, gathered from `pool:` of the proxies.",
            mode=Mode.MOVE,
            refers=("proxy",),
            gathered="pool",
            severe=loses_members,
            encode=nothing,
            decode=decode_members,
            starts_jobs=True,
        ),
    ),
)
