"""The comparison of a declared object with the live one: which fields differ, and which cannot be observed.

Only declared fields are compared. `UNKNOWN` on either side is never a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler.kinds import KINDS, Field, Kind, Mode
from reconciler.kinds.codec import marked
from reconciler.kinds.field import UNMANAGED
from reconciler.kinds.naming import Naming
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Cause, FieldChange, Reason, Report, UnknownField
from reconciler.model.recall import Recall
from reconciler.model.secret import MASK
from reconciler.model.value import UNKNOWN, differs, digest, known
from reconciler.plan import interrupted

_OF_THE_KEY = ("name", "host", "organization")
"""Fields whose value is the key of the object in the inventory, without a separate line."""
_OF_IDENTITY = ("name", "description")
_NOT_COMPARED = (Mode.LOCAL, Mode.KEY)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs (`create_only` are the fields among it that only a replace changes), what cannot be observed, and
    reports of declared fields that this REST version does not have."""

    changes: tuple[FieldChange, ...] = ()
    create_only: tuple[str, ...] = ()
    unknown: tuple[UnknownField, ...] = ()
    reports: tuple[Report, ...] = ()

    @property
    def cause(self) -> Cause:
        """Why the object changes at all: the first reason that is more than a default of the tool."""
        causes = [change.cause for change in self.changes if change.cause is not None]
        declared = [cause for cause in causes if cause.reason is not Reason.DEFAULT]
        return next(iter(declared or causes), Cause(Reason.INVENTORY))


def wanted_fields(resource: Resource, recall: Recall) -> Mapping[str, Any]:
    """The declared fields and those that are derived from files."""
    derived = recall.derived.get(resource.address)
    return {**resource.fields, **derived} if derived else resource.fields


def compare(kind: Kind, resource: Resource, live: LiveResource, recall: Recall, naming: Naming) -> Comparison:
    """`resource` against `live`, field by field in the order of the kind."""
    wanted = wanted_fields(resource, recall)
    changes: list[FieldChange] = []
    unknown: list[UnknownField] = []
    reports: list[Report] = []
    for field in kind.fields:
        name = field.name
        if name in _OF_IDENTITY and (compared := _compare_identity(field, resource, live, recall)) is not None:
            changes += compared
            continue
        if name not in wanted or field.mode in _NOT_COMPARED or not field.applies_to(wanted):
            continue
        if field.is_left_alone(wanted[name], resource.positions):
            continue
        if not field.in_version(naming.rest):
            if name in resource.positions:  # a value that the tool filled in is not reported
                reports.append(_not_in_version(resource, field, naming))
            continue
        want, have = wanted[name], live.fields.get(name, UNKNOWN)
        if field.mode is Mode.WRITE_ONLY:
            changes += _compare_secret(field, resource, have, recall, naming)
        elif want is UNKNOWN or have is UNKNOWN:
            unknown.append(UnknownField(resource.address, name, _why_unknown(want, live)))
        else:
            unknown += _unknown_parts(resource, field, want, have)
            if differs(field.as_shown(want, naming), have):
                changes.append(FieldChange(name, known(have), want, cause=cause_of(resource, name, recall)))
    fixed = tuple(item.path for item in changes if kind.field(item.path).mode is Mode.CREATE_ONLY)
    return Comparison(tuple(changes), fixed, tuple(unknown), tuple(reports))


def _unknown_parts(resource: Resource, field: Field, want: Any, have: Any) -> list[UnknownField]:
    """The declared parts of a map that the server does not show."""
    if not isinstance(want, Mapping) or not isinstance(have, Mapping):
        return []
    hidden = [part for part in want if have.get(part) is UNKNOWN]
    return [UnknownField(resource.address, f"{field.name}.{part}", "the server does not show it") for part in hidden]


def _not_in_version(resource: Resource, field: Field, naming: Naming) -> Report:
    detail = f"`{field.name}` is not in REST v{naming.rest}, so it is neither compared nor set"
    return Report(resource.address, "not-in-version", detail, resource.positions.get(field.name))


def _compare_identity(field: Field, resource: Resource, live: LiveResource, recall: Recall) -> list[FieldChange] | None:
    """What an object is recognised by: its name, and the mark in its description. None for any other field."""
    if field.name == "name" and field.mode is Mode.KEY:
        return _compare_name(field, resource, live, recall)
    return _compare_mark(resource, live) if field.name == "description" and live.unmarked else None


def _compare_name(field: Field, resource: Resource, live: LiveResource, recall: Recall) -> list[FieldChange]:
    """Names differ if the object was recognised by something else; the server compares them in any letter case."""
    have, want = live.fields.get(field.name, UNKNOWN), str(resource.fields.get(field.name, resource.name))
    if not isinstance(have, str) or have.lower() == want.lower():
        return []
    former = resource.fields.get("formerly")
    if isinstance(former, str) and former.lower() == have.lower():
        cause = Cause(Reason.INVENTORY, "", resource.positions.get("formerly", resource.position))
    else:
        cause = cause_of(resource, field.name, recall)
    return [FieldChange(field.name, have, want, cause=cause)]


def _compare_mark(resource: Resource, live: LiveResource) -> list[FieldChange]:
    """The description of an object that lost its mark: the declared text, else the one that it has, with the mark."""
    have = live.fields.get("description", UNKNOWN)
    if have is UNKNOWN:
        return []
    detail = "the mark of this inventory was removed from it outside of vbo-reconcile"
    cause = Cause(Reason.DRIFT, detail, resource.positions.get("description", resource.position))
    text = marked(resource.fields.get("description", have), live.owner)
    return [FieldChange("description", have, text, cause=cause)]


def _compare_secret(field: Field, resource: Resource, have: Any, recall: Recall, naming: Naming) -> list[FieldChange]:
    """A login: the part that the server reports, then the fingerprint of what was last applied, or sent.

    If no apply is recorded, there is nothing to compare with, so nothing is planned.
    """
    want = resource.fields[field.name]
    if have is not UNKNOWN and field.as_shown(want, naming) != have:
        return [FieldChange(field.name, have, want, cause=cause_of(resource, field.name, recall))]
    now = recall.secrets.get(resource.address, {}).get(field.name)
    before = recall.applied.get(resource.address, {}).get(field.name)
    if before is None and resource.kind == "proxy":
        before = interrupted.secret_sent(recall, resource.name, field.name)
    if now is None or before is None or now == before:
        return []
    sent = "an earlier apply was to send another one, and has no result of it"
    why = sent if before == interrupted.ONE_OF_TWO else "the secret changed since it was last applied"
    cause = Cause(Reason.INVENTORY, why, resource.positions.get(field.name))
    return [FieldChange(field.name, MASK, f"{want} ({MASK})", secret=True, cause=cause)]


def cause_of(resource: Resource, field: str, recall: Recall) -> Cause:
    """Why a field differs: a new declaration, a change outside since it was last applied, or a default of the tool."""
    position = resource.positions.get(field)
    applied = recall.applied.get(resource.address, {}).get(field)
    if applied is not None and applied == digest(wanted_fields(resource, recall).get(field)):
        return Cause(
            Reason.DRIFT, "changed outside of vbo-reconcile since it was last applied", position or resource.position
        )
    declared = position is not None or field not in resource.fields or field in _OF_THE_KEY
    if not declared:
        return Cause(Reason.DEFAULT, _default(resource.kind, field), resource.position)
    return Cause(Reason.INVENTORY, "", position or resource.position)


@cache
def _default(kind: str, field: str) -> str:
    detail = "a default of vbo-reconcile"
    if field in (item.name for item in KINDS[kind].fields if item.optional):
        detail += f"; `{field}: {UNMANAGED}` leaves it as it is"
    return detail


def new_fields(kind: Kind, resource: Resource, recall: Recall, naming: Naming) -> tuple[FieldChange, ...]:
    """Every field of an object that is to be created."""
    wanted = wanted_fields(resource, recall)
    changes = []
    for field in kind.fields:
        if field.name not in wanted or field.mode is Mode.LOCAL or not field.in_version(naming.rest):
            continue
        want = wanted[field.name]
        if want is UNKNOWN or not field.applies_to(wanted):
            continue
        secret = field.mode is Mode.WRITE_ONLY
        after = f"{want} ({MASK})" if secret and want != "none" else want
        changes.append(
            FieldChange(field.name, None, after, secret=secret, cause=cause_of(resource, field.name, recall))
        )
    return tuple(changes)


def _why_unknown(want: Any, live: LiveResource) -> str:
    if want is UNKNOWN:
        return "the desired value cannot be computed here"
    if live.proxy.is_offline:
        return "the proxy is offline, and the server does not report the field"
    return "the server does not report it"


def applied_digests(resource: Resource, recall: Recall) -> dict[str, str]:
    """What is recorded of an object after an apply: digests of values, fingerprints of secrets."""
    secrets = recall.secrets.get(resource.address, {})
    wanted = wanted_fields(resource, recall)
    plain = {name: digest(value) for name, value in wanted.items() if value is not UNKNOWN and name not in secrets}
    return {**plain, **secrets}


def precondition(kind: Kind, live: LiveResource) -> str:
    """Fingerprint of the observed object, without its volatile fields. It covers what is unknown, too: an approval is
    for the object as it was, understood or not."""
    fields = ((item.name, live.fields.get(item.name)) for item in kind.fields)
    shown = {name: known(value) for name, value in fields if value is not UNKNOWN}
    unknown = {"unknown": dict(live.unknown)} if live.unknown else {}
    return digest({"id": live.id, "fields": shown, **unknown})
