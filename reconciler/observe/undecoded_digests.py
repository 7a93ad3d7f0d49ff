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
    raw = raw_of(seen)
    for field in kind.fields:
        if not _is_unknown(fields[field.name]) or field.decode is hidden or not field.in_version(naming.rest):
            continue
        read = {name: raw[name] for name in _read_by(field, seen, naming) if raw.get(name) is not None}
        if read and (shown := steady(read, kind.volatile)):
            found[field.name] = digest(shown)
    return found


def _is_unknown(value: Any) -> bool:
    if value is UNKNOWN:
        return True
    return isinstance(value, Mapping) and any(part is UNKNOWN for part in value.values())


def _read_by(field: Field, seen: Raw, naming: Naming) -> set[str]:
    """The properties that decoding a field reads, and those that change with it."""
    names: set[str] = set()
    field.from_api(Traced(seen, names), naming)
    return {name.partition(".")[0] for name in names} | set(field.implies)
