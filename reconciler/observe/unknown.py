"""Digests of what the server shows of fields that cannot be decoded: a saved plan holds for the values it was made
from, whether they are understood or not. The values themselves do not leave this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds import Field, Kind
from reconciler.kinds.field import Raw, hidden
from reconciler.kinds.naming import Naming
from reconciler.kinds.put_requests import steady
from reconciler.kinds.read_tracking import Traced
from reconciler.kinds.typed import raw_of
from reconciler.model.value import UNKNOWN, digest


def unknown_digests(kind: Kind, seen: Raw, fields: Mapping[str, Any], naming: Naming) -> dict[str, str]:
    """By field that is unknown, or a part of which is: the digest of the properties that its decoder reads. What is
    null, empty or moves by itself is left out; a field of which nothing else is left has no digest."""
    found: dict[str, str] = {}
    for field in kind.fields:
        if field.decode is hidden or not field.in_version(naming.rest) or not _is_unknown(fields[field.name]):
            continue
        names = _read_by(field, seen, naming)
        shown = steady({name: value for name, value in raw_of(seen).items() if name in names}, kind.volatile)
        if shown:
            found[field.name] = digest(shown)
    return found


def _is_unknown(value: Any) -> bool:
    return value is UNKNOWN or (isinstance(value, Mapping) and any(part is UNKNOWN for part in value.values()))


def _read_by(field: Field, seen: Raw, naming: Naming) -> set[str]:
    """The properties that decoding a field reads, and those that change with it."""
    names: set[str] = set()
    field.from_api(Traced(seen, names), naming)
    return {name.partition(".")[0] for name in names} | set(field.implies)
