"""Fields of a proxy in the texts of a playbook: `{port} open`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

_FIELD: Final = re.compile(r"\{([a-z_.]+)\}")


def filled(value: Any, fields: Mapping[str, Any]) -> Any:
    """`value` with `{field}` replaced, nothing where the proxy does not declare it; a text that is one field and
    nothing else takes the field's type."""
    if isinstance(value, Mapping):
        return {key: filled(item, fields) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    whole = _FIELD.fullmatch(value)
    if whole is not None and whole[1] in fields:
        return fields[whole[1]]
    return _FIELD.sub(lambda found: str(fields.get(found[1], "")), value)


def fields_in(requirement: Mapping[str, Any]) -> set[str]:
    """The fields that an entry of a playbook refers to, in what is wanted and in the parameters of its script."""
    params = requirement.get("change", {}).get("params", {})
    return {name for text in _texts([requirement.get("equals"), params]) for name in _FIELD.findall(text)}


@cache
def proxy_fields() -> frozenset[str]:
    """The fields that a proxy can have."""
    from reconciler.kinds import KINDS

    return frozenset(field.name for field in KINDS["proxy"].fields) | {"host", "os", "port", "type"}


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
