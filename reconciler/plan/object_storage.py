"""Why object storage cannot be used or changed as declared (facts, 5.2 and 14).

The product lets one edit the size limit, a longer immutability period, the archiver appliance, and the encryption key
of a repository that is encrypted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.kinds.object_storage import LINKED_FIELDS, created_storage, unlike_declared
from reconciler.kinds.references import title
from reconciler.kinds.storage_settings import INSIDE, NONE, PREFIX, RETENTION, is_on_object_storage
from reconciler.model.errors import UnknownName
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import FieldChange
from reconciler.plan.passes import Inputs

_REFERENCES: Final = {"name": "object_storage", "account": "account", "encryption_key": "encryption_key"}
_DAYS: Final = {"day": 1, "month": 30, "year": 365}
_PERIOD: Final = f"{PREFIX}immutability_days"
_KEY: Final = f"{PREFIX}encryption_key"


def why_not_created(declared: Resource, inputs: Inputs) -> str:
    """What a new repository refers to and the server does not have."""
    fields, naming = declared.fields, inputs.naming
    if not is_on_object_storage(fields):
        return ""
    if missing := "; ".join(_missing(declared, inputs)):
        return missing
    if naming.rest >= INSIDE and f"{PREFIX}type" not in fields:
        return (
            f"REST v{naming.rest} has no object storage repositories to name: write `type`, `account`, `bucket` and "
            "`folder` of its object storage"
        )
    if naming.references("account" if naming.rest >= INSIDE else "object_storage") is None:
        return ""
    try:
        created_storage(naming, fields)
    except UnknownName as error:
        return str(error)
    if _PERIOD in unlike_declared(naming, fields):
        return "immutability of an object storage repository cannot be turned on or off after its creation"
    return ""


def _missing(declared: Resource, inputs: Inputs) -> Iterator[str]:
    for name, kind in _REFERENCES.items():
        path = PREFIX + name
        value = declared.fields.get(path)
        if value in (None, NONE) or not _is_read(kind, inputs):
            continue
        if kind == "encryption_key" and f"{PREFIX}encryption_credentials" in declared.fields:
            continue  # it is created
        try:
            inputs.naming.id_of(kind, value)
        except UnknownName as error:
            where = declared.positions.get(path)
            yield f"{error}{f' ({where})' if where else ''}; add the {title(kind)} in the console, or correct `{name}`"


def _is_read(kind: str, inputs: Inputs) -> bool:
    in_version = kind != "object_storage" or inputs.naming.rest < INSIDE
    return in_version and inputs.naming.references(kind) is not None


def why_not_changed(declared: Resource, found: LiveResource, changes: Sequence[FieldChange], inputs: Inputs) -> str:
    """Why object storage stays as it is."""
    changed = {item.path: item for item in changes}
    if inputs.naming.rest == 5 and LINKED_FIELDS & changed.keys():
        return "REST v5 does not document how object storage is changed"
    reasons = []
    if _PERIOD in changed:
        reasons.append(_why_period(changed[_PERIOD], declared.fields, found.fields))
    if _KEY in changed and NONE in (changed[_KEY].before, changed[_KEY].after):
        reasons.append("encryption cannot be turned on or off after creation")
    elif _KEY in changed:
        reasons += _missing(declared, inputs)
    return "; ".join(filter(None, reasons))


def _why_period(change: FieldChange, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    if NONE in (change.before, change.after):
        return "immutability cannot be turned on or off after creation"
    keep = live.get("retention.keep")
    before, after = _days(change.before, keep), _days(change.after, wanted.get("retention.keep", keep))
    if before is not None and after is not None and after > before:
        return ""
    return (
        f"immutability can only be lengthened: it is {_period(change.before)}, and {_period(change.after)} is declared"
    )


def _period(value: Any) -> str:
    return "the period of retention" if value == RETENTION else f"{value} days"


def _days(value: Any, keep: Any) -> float | None:
    """Days of an immutability period, which may be that of retention; None if it cannot be computed."""
    if isinstance(value, int):
        return value
    if keep == "forever":
        return math.inf
    amount, _, unit = str(keep).partition(" ")
    return int(amount) * _DAYS[unit.rstrip("s")] if amount.isdigit() else None
