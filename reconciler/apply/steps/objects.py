"""Creating and changing objects of the server, from the declarations in `kinds/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.deployment import wait_online, with_login
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.field import Context
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable
from reconciler.model.steps import CreateObject, TakeOver, UpdateObject
from reconciler.model.value import UNKNOWN


@runs(CreateObject, TakeOver)
def create(context: ApplyContext, step: CreateObject, report: Reporter) -> str | None:
    """POST an object. Where the answer is lost, look whether it was created before saying that it failed."""
    kind, name, fields = KINDS[step.kind], step.name, step.fields
    naming = context.naming.marked(context.owner)
    body: dict[str, Any] = {**kind.on_create(naming, fields), **_encode(kind, {"description": "", **fields}, naming)}
    if kind.name == "proxy":
        body = with_login(context, name, str(fields["host"]), body, linux=fields.get("os") == "linux")
        if step.attach:  # our own package, or a takeover that somebody allowed
            body["attachUsedProxy"] = True
    try:
        answer = context.writer.create(_collection(context, kind, fields), body, long=kind.name == "proxy")
    except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable):
        found = find(context, kind, name, fields)
        if found is None:
            raise
        answer = dict(found)
        report("the answer was lost, but it was created")
    ident = answer.get("id") or (find(context, kind, name, fields) or {}).get("id")
    if not ident:
        raise StepFailed(f"{kind.name} {name} was accepted, but the server does not list it")
    context.naming.learn(kind.name, name, str(ident))
    if kind.name == "proxy":
        report("waiting for it to come online")
        return wait_online(context, name, str(ident))
    return None


@runs(UpdateObject)
def update(context: ApplyContext, step: UpdateObject, report: Reporter) -> str | None:
    """PUT an object: what was read, with what is declared laid over it, since it is not documented whether the
    product merges or replaces."""
    kind, name, fields = KINDS[step.kind], step.name, step.fields
    path = context.path_of(kind.name, name)
    raw = context.reader.get(path)
    existing = context.live_of(kind.name, name)
    ours = existing is not None and existing.owner == context.owner
    naming = context.naming.marked(context.owner if ours else "")
    body = {key: raw[key] for key in kind.echo if raw.get(key) is not None}
    if kind.singleton:
        body |= kind.on_create(naming, fields)
    if kind.name == "pool":  # its PUT wants all members, who are changed by an operation of their own
        body["proxyIds"] = [{"proxyId": member["id"]} for member in context.reader.list(f"{path}/proxies")]
    body = overlay(body, _encode(kind, fields, naming))
    if kind.name == "proxy":
        host = str(raw.get("hostName") or name)
        body = with_login(context, name, host, body, linux=raw.get("operatingSystem") == "Linux")
    context.writer.replace(path, body, long=kind.name == "proxy")
    return None


def find(context: ApplyContext, kind: Kind, name: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The live object that a declared one would be, read from the server now."""
    wanted = kind.wanted_key(name, fields)
    for raw in context.reader.list(kind.collection):
        if kind.name == "job" and not raw.get("organizationId"):
            from reconciler.clients.vbo import link_id

            raw["organizationId"] = link_id(raw, "organization")
        if kind.live_key(raw, context.naming) == wanted:
            return dict(raw)
    return None


def overlay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`, map by map; lists and plain values of `over` win whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def _encode(kind: Kind, fields: Mapping[str, Any], naming: Context) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field in kind.fields:
        if field.name in fields and fields[field.name] is not UNKNOWN and field.in_version(naming.rest):
            body = overlay(body, field.to_api(fields[field.name], naming))
    return body


def _collection(context: ApplyContext, kind: Kind, fields: Mapping[str, Any]) -> str:
    if kind.name == "job" and context.reader.rest < 8:
        return f"Organizations/{context.naming.id_of('organization', fields['organization'])}/Jobs"
    return kind.collection
