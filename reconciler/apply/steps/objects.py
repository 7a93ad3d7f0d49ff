"""Creating and changing objects of the server, from the declarations in `kinds/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.steps.deployment import wait_online, with_login
from reconciler.apply.steps.failure import StepFailed
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.field import Context
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable
from reconciler.model.value import UNKNOWN


def create(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """POST an object. Where the answer is lost, look whether it was created before saying that it failed."""
    kind, name, fields = KINDS[params["kind"]], params["name"], params["fields"]
    context = site.naming.marked(site.owner)
    body: dict[str, Any] = {**kind.on_create(context, fields), **_encode(kind, {"description": "", **fields}, context)}
    if kind.name == "proxy":
        body = with_login(site, name, str(fields["host"]), body, linux=fields.get("os") == "linux")
        if params.get("attach"):  # our own package, or a takeover that somebody allowed
            body["attachUsedProxy"] = True
    try:
        answer = site.writer.create(_collection(site, kind, fields), body, long=kind.name == "proxy")
    except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable):
        found = find(site, kind, name, fields)
        if found is None:
            raise
        answer = dict(found)
        tell("the answer was lost, but it was created")
    ident = answer.get("id") or (find(site, kind, name, fields) or {}).get("id")
    if not ident:
        raise StepFailed(f"{kind.name} {name} was accepted, but the server does not list it")
    site.naming.learn(kind.name, name, str(ident))
    if kind.name == "proxy":
        tell("waiting for it to come online")
        return wait_online(site, name, str(ident))
    return None


def update(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """PUT an object: what was read, with what is declared laid over it, since it is not documented whether the
    product merges or replaces."""
    kind, name, fields = KINDS[params["kind"]], params["name"], params["fields"]
    path = site.path_of(kind.name, name)
    raw = site.reader.get(path)
    existing = site.live_of(kind.name, name)
    ours = existing is not None and existing.owner == site.owner
    context = site.naming.marked(site.owner if ours else "")
    body = {key: raw[key] for key in kind.echo if raw.get(key) is not None}
    if kind.singleton:
        body |= kind.on_create(context, fields)
    if kind.name == "pool":  # its PUT wants all members, who are changed by an operation of their own
        body["proxyIds"] = [{"proxyId": member["id"]} for member in site.reader.list(f"{path}/proxies")]
    body = overlay(body, _encode(kind, fields, context))
    if kind.name == "proxy":
        host = str(raw.get("hostName") or name)
        body = with_login(site, name, host, body, linux=raw.get("operatingSystem") == "Linux")
    site.writer.replace(path, body, long=kind.name == "proxy")
    return None


def find(site: ApplyContext, kind: Kind, name: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The live object that a declared one would be, read from the server now."""
    wanted = kind.wanted_key(name, fields)
    for raw in site.reader.list(kind.collection):
        if kind.name == "job" and not raw.get("organizationId"):
            from reconciler.clients.vbo import link_id

            raw["organizationId"] = link_id(raw, "organization")
        if kind.live_key(raw, site.naming) == wanted:
            return dict(raw)
    return None


def overlay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`, map by map; lists and plain values of `over` win whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def _encode(kind: Kind, fields: Mapping[str, Any], context: Context) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field in kind.fields:
        if field.name in fields and fields[field.name] is not UNKNOWN and field.in_version(context.rest):
            body = overlay(body, field.to_api(fields[field.name], context))
    return body


def _collection(site: ApplyContext, kind: Kind, fields: Mapping[str, Any]) -> str:
    if kind.name == "job" and site.reader.rest < 8:
        return f"Organizations/{site.naming.id_of('organization', fields['organization'])}/Jobs"
    return kind.collection
