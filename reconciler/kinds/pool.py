"""Proxy pools (REST v8 only). The members are said at the proxies (`pool:`) and gathered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds import codec
from reconciler.kinds.api import TEXTS
from reconciler.kinds.field import Context, Field, Mode, Raw, hidden, nothing
from reconciler.kinds.kind import Kind


def decode_members(raw: Raw, context: Context) -> Any:
    """Observation adds `proxyIds` to the pool, from `proxyPoolId` of every proxy: the pool itself does not list."""
    return sorted(context.named("proxy", ident) for ident in raw["proxyIds"])


def loses_members(live: Any, wanted: Any) -> bool:
    """A proxy outside of its pool does none of the work of the pool."""
    return isinstance(live, list) and bool({*wanted} - {*live})


def live_key(raw: Raw, context: Context) -> str:
    return str(raw.get("name", "")).lower()


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return name.lower()


def on_create(context: Context, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    members = [{"proxyId": context.id_of("proxy", name)} for name in fields.get("members", ())]
    return {"description": "", "proxyIds": members}


POOL = Kind(
    name="pool",
    section="pools",
    doc="Proxies that share the work on object storage repositories.",
    rank=30,
    collection="ProxyPools",
    since=8,
    live_key=live_key,
    wanted_key=wanted_key,
    likeness=(("members",),),
    on_create=on_create,
    added=(("proxyIds", TEXTS),),
    fields=(
        Field("name", "Name of the pool.", "name", Mode.KEY, on_put=True),
        Field(
            "formerly",
            "Name on the server so far, for a rename in place.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "description",
            "Text shown in the console; the owner mark is added at its end.",
            encode=codec.encode_description,
            decode=codec.decode_description,
            product_default="",
        ),
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
