"""Creates and changes objects of the server, from the declarations in `kinds/`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.deployment import wait_online, with_login
from reconciler.apply.steps.encryption import ENCRYPTION_CREDENTIALS, with_encryption_key
from reconciler.apply.steps.lost_answers import Outcome, earlier_work
from reconciler.apply.steps.registry import StepFailed, runs, verifies
from reconciler.kinds import KINDS, Field, Kind, Mode
from reconciler.kinds.codec import owner_of
from reconciler.kinds.field import Context, Raw, hidden
from reconciler.kinds.put_requests import overlay, put_body, side_effects
from reconciler.kinds.states import proxy_state
from reconciler.kinds.typed import typed
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Refused, Unavailable
from reconciler.model.steps import CreateObject, TakeOver, UpdateObject
from reconciler.model.value import UNKNOWN, differs
from reconciler.plan.interrupted import CREATING, mark_of

_SHOWN: Final = 10
"""Side effects that an error lists."""


@runs(CreateObject, TakeOver)
def create(context: ApplyContext, step: CreateObject, report: Reporter) -> str | None:
    """POST an object. If the response is lost, read whether it was created before the step fails."""
    kind, name, fields = KINDS[step.kind], step.name, step.fields
    naming = context.naming.marked(context.owner)
    if kind.name == "repository":
        fields = with_encryption_key(context, fields, fields, renew=False)
    body = overlay(kind.on_create(naming, fields), encoded(kind, {"description": "", **fields}, naming))
    if kind.name == "proxy":
        body = with_login(context, name, str(fields["host"]), body, linux=fields.get("os") == "linux")
        if step.attach:  # installed by package, or a takeover that was waived
            body["attachUsedProxy"] = True
    answer, is_earlier = _post(context, step, body, report)
    ident = answer.get("id") or (find(context, kind, name, fields) or {}).get("id")
    if not ident:
        raise StepFailed(f"{kind.name} {name} was accepted, but the server does not list it")
    context.naming.learn(kind.name, name, str(ident))
    if kind.name == "proxy":
        report("waiting for it to come online")
        detail = wait_online(context, name, str(ident), report)
        if is_earlier:
            _renew(context, step, naming, report)
        return detail
    return None


def _post(
    context: ApplyContext, step: CreateObject, body: Mapping[str, Any], report: Reporter
) -> tuple[Mapping[str, Any], bool]:
    """The new object, or an answer without one, and whether it may be of an earlier apply: the server may still be at
    work on the request of one that was killed."""
    kind, fields, long = KINDS[step.kind], step.fields, step.kind == "proxy"
    is_begun = long and mark_of(CREATING, step.name) in context.begun

    def look() -> Mapping[str, Any] | None:
        return find(context, kind, step.name, fields)

    outcome = Outcome(context, report, long=long)
    try:
        return context.writer.create(_collection(context, kind, fields), body, long=long), False
    except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable) as error:
        found = outcome.after(error, look)
        if found is None:
            raise
        report("the response was lost, but it was created")
        return found, is_begun  # by which of the two
    except Refused as error:
        earlier = earlier_work(error, "create") if is_begun else None
        if earlier is None:
            raise
        found = outcome.after(earlier[0], look, most=earlier[1])
        if found is None or owner_of(found) != context.owner:
            raise
        report("an earlier apply created it")
        return found, True


def _renew(context: ApplyContext, step: CreateObject, naming: Context, report: Reporter) -> None:
    """Change what an earlier apply created as its inventory was then: what the server shows otherwise, and what it does
    not show."""
    kind = KINDS[step.kind]
    fields = [field for field in kind.fields if field.name in step.fields]
    secret = [field for field in fields if field.mode is Mode.WRITE_ONLY]
    plain = [field for field in fields if field.mode is Mode.MUTABLE and field.decode is not hidden]
    raw = read_whole(context, kind, context.path_of(kind.name, step.name))
    known = [field for field in plain if field.from_api(typed(kind, naming.rest, raw), naming) is not UNKNOWN]
    changed = sorted(field.name for field in [*_unlike(known, step.fields, kind, raw, naming), *secret])
    if changed:
        report(f"changing what the earlier apply may have set otherwise: {', '.join(changed)}")
        _change(
            context, UpdateObject(kind=step.kind, name=step.name, fields=step.fields, changed=changed), naming, report
        )


@runs(UpdateObject)
def update(context: ApplyContext, step: UpdateObject, report: Reporter) -> str | None:
    """PUT an object: what was read with the changed fields over it, then read again and compared. Nothing that the plan
    does not change may differ afterwards from what the first attempt read: a lost response may hide its effects."""
    existing = context.live_of(step.kind, step.name)
    ours = existing is not None and existing.owner == context.owner
    _change(context, step, context.naming.marked(context.owner if ours else ""), report)
    return None


def _change(context: ApplyContext, step: UpdateObject, naming: Context, report: Reporter) -> None:
    kind, name = KINDS[step.kind], step.name
    path = context.path_of(kind.name, name)
    raw = read_whole(context, kind, path)
    fields = changed_fields(kind, step.fields, step.changed, raw, naming)
    if kind.name == "repository":
        fields = with_encryption_key(context, fields, step.fields, renew=ENCRYPTION_CREDENTIALS in step.changed)
    changed = encoded(kind, fields, naming)
    body = whole_body(context, kind, raw, changed)
    if kind.name == "proxy":
        proxy = proxy_state(raw, context.reader.rest)
        body = with_login(context, name, proxy.host or name, body, linux=proxy.is_linux)
    with context.first_reads.attempt(step, path, raw) as before:
        after = put(context, kind, path, body, report, _sign(kind, step, raw, naming))
        fail_if_more(side_effects(kind, before, after, changed, implied(kind, fields)))


Sign = Callable[[Raw], bool]


def put(context: ApplyContext, kind: Kind, path: str, body: Any, report: Reporter, sign: Sign | None) -> dict[str, Any]:
    """PUT an object and read it again. `sign` is whether a read shows the change, for an answer that is lost; None if
    no read can show it."""
    long = kind.name == "proxy"
    outcome = Outcome(context, report, long=long)

    def look() -> dict[str, Any] | None:
        after = read_whole(context, kind, path)
        return after if sign is not None and sign(after) else None

    try:
        context.writer.replace(path, body, long=long)
    except DeadlineExceeded as error:
        found = outcome.after(error, look) if sign is not None else None
        if found is None:
            raise
        report("the response was lost, but it was changed")
        return found
    return read_whole(context, kind, path)


def _sign(kind: Kind, step: UpdateObject, before: Raw, naming: Context) -> Sign | None:
    """Of a change of what the server shows: that each field is as wanted which `before` shows otherwise."""

    visible = [field for field in kind.fields if field.name in step.changed and field.mode is not Mode.WRITE_ONLY]
    shown = [field for field in visible if field.decode is not hidden]
    changing = _unlike(shown, step.fields, kind, before, naming)
    return (lambda after: not _unlike(changing, step.fields, kind, after, naming)) if changing else None


def _unlike(fields: Iterable[Field], wanted: Mapping[str, Any], kind: Kind, raw: Raw, naming: Context) -> list[Field]:
    """The fields that the server does not show as wanted."""
    seen = typed(kind, naming.rest, raw)
    shown = ((field, field.from_api(seen, naming)) for field in fields)
    return [
        field
        for field, value in shown
        if value is UNKNOWN or differs(field.as_shown(wanted[field.name], naming), value)
    ]


def whole_body(context: ApplyContext, kind: Kind, raw: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a PUT. Raises StepFailed if the server does not show what it needs."""
    try:
        return put_body(kind, context.reader.rest, raw, changed)
    except LookupError as missing:
        raise StepFailed(
            f"nothing was sent: a PUT needs {missing.args[0]}, which the server does not show"
        ) from missing


@verifies(UpdateObject)
def effects_of_update(context: ApplyContext, step: UpdateObject, before: Mapping[str, Any]) -> list[str]:
    kind = KINDS[step.kind]
    fields = {name: value for name, value in step.fields.items() if name in step.changed}
    after = read_whole(context, kind, context.path_of(kind.name, step.name))
    return side_effects(kind, before, after, encoded(kind, fields, context.naming), implied(kind, fields))


def implied(kind: Kind, fields: Collection[str]) -> list[str]:
    return [api for item in kind.fields if item.name in fields for api in item.implies]


def fail_if_more(effects: Sequence[str]) -> None:
    """Raises StepFailed if more than the change differs."""
    if effects:
        raise StepFailed(f"the change is made, and more differs than the plan shows: {few(effects)}")


def few(effects: Sequence[str]) -> str:
    more = [f"and {len(effects) - _SHOWN} more"] if len(effects) > _SHOWN else []
    return "; ".join([*effects[:_SHOWN], *more])


def read_whole(context: ApplyContext, kind: Kind, path: str) -> dict[str, Any]:
    """An object with what its PUT takes and the server keeps in collections beside it."""
    raw = dict(context.reader.get(path))
    if kind.name == "pool":
        raw["proxyIds"] = [{"proxyId": member["id"]} for member in context.reader.list(f"{path}/proxies")]
    elif kind.name == "job":
        for name, collection in (("selectedItems", "SelectedItems"), ("excludedItems", "ExcludedItems")):
            if not isinstance(raw.get(name), list):
                raw[name] = context.reader.list(f"{path}/{collection}")
    return raw


def changed_fields(
    kind: Kind, fields: Mapping[str, Any], changed: Collection[str], raw: Mapping[str, Any], naming: Context
) -> dict[str, Any]:
    """The fields to send: the changed ones and the logins that go with them. Raises StepFailed if the server does not
    show one of them any more: what is not known is not overwritten."""
    sent: dict[str, Any] = {}
    seen = typed(kind, naming.rest, raw)
    for field in kind.fields:
        if field.name not in fields:
            continue
        shown = UNKNOWN if field.decode is hidden else field.from_api(seen, naming)
        if field.name in changed:
            if shown is UNKNOWN and field.decode is not hidden:
                raise StepFailed(f"nothing was sent: the server does not show {field.name} now")
        elif not set(field.sent_with) & set(changed) and not _repeated(field, fields[field.name], shown, naming):
            continue
        sent[field.name] = fields[field.name]
    return sent


def _repeated(field: Field, value: Any, shown: Any, naming: Context) -> bool:
    """Whether a PUT repeats a login that is in place, since the server shows only a part of it."""
    return (
        field.mode is Mode.WRITE_ONLY
        and field.on_put
        and shown is not UNKNOWN
        and bool(shown == field.as_shown(value, naming))
    )


def find(context: ApplyContext, kind: Kind, name: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The live object that a declared one would be, read from the server now."""
    wanted = kind.wanted_key(str(fields.get("name", name)), fields)
    below = _collection(context, kind, fields)
    for raw in context.reader.list(below):
        if below != kind.collection:  # up to v7 a job does not say whose it is
            raw["organizationId"] = context.naming.id_of("organization", fields["organization"])
        if kind.live_key(raw, context.naming) == wanted:
            return dict(raw)
    return None


def encoded(kind: Kind, fields: Mapping[str, Any], naming: Context) -> dict[str, Any]:
    """The properties of a request body that say `fields`."""
    body: dict[str, Any] = {}
    for field in kind.fields:
        if field.name in fields and fields[field.name] is not UNKNOWN and field.in_version(naming.rest):
            body = overlay(body, field.to_api(fields[field.name], naming))
    return body


def _collection(context: ApplyContext, kind: Kind, fields: Mapping[str, Any]) -> str:
    if kind.name != "job":
        return kind.collection
    from reconciler.clients.vbo import dialect_of

    return dialect_of(context.reader.rest).job_collection(context.naming.id_of("organization", fields["organization"]))
