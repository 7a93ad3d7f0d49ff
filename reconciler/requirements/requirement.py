"""One requirement of a playbook, as data. `schemas/playbook.schema.json` describes each part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

OPERATORS: Final = ("equals", "at_least", "one_of", "has_version", "within")
"""How a fact is compared with its operand; each requirement uses one."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_.]+)\}")


@dataclass(frozen=True, slots=True)
class Remedy:
    """The script that makes a host meet a requirement, with its parameters. With `restart` the change takes effect
    after the host is restarted."""

    script: str
    params: Mapping[str, Any] = field(default_factory=dict)
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Requirement:
    """`fact` is a path in the facts, `operator` one of OPERATORS, `operand` what the fact is compared with. An unmet
    requirement has a `remedy`, or `manual` describes the fix. One with `is_advice` never blocks a change.

    `{field}` in the operand and in the parameters of the remedy stands for a field of the proxy, `{server}` for the
    name of the management server.
    """

    name: str
    fact: str
    operator: str
    operand: Any
    why: str
    when: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    manual: str = ""
    remedy: Remedy | None = None
    is_advice: bool = False

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Requirement:
        """From an entry of `requirements` that is valid against the schema."""
        operator = next(name for name in OPERATORS if name in raw)
        change = raw.get("change")
        return cls(
            name=raw["name"],
            fact=raw["fact"],
            operator=operator,
            operand=raw[operator],
            why=raw["why"],
            when=raw.get("when", {}),
            unit=raw.get("unit", ""),
            manual=raw.get("manual", ""),
            remedy=Remedy(change["script"], change.get("params", {}), change.get("restart", False)) if change else None,
            is_advice=raw.get("level") == "advice",
        )


def expand(value: Any, fields: Mapping[str, Any]) -> Any:
    """`value` with each `{field}` replaced, by nothing if the proxy does not declare it. A text that is exactly one
    placeholder takes the field's type."""
    if not isinstance(value, str):
        return {key: expand(item, fields) for key, item in value.items()} if isinstance(value, dict) else value
    if "{" not in value:
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole is not None and whole[1] in fields:
        return fields[whole[1]]
    return _PLACEHOLDER.sub(lambda found: str(fields.get(found[1], "")), value)


def placeholders(raw: Mapping[str, Any]) -> set[str]:
    """The fields that an entry of a playbook refers to, in its operand and in the parameters of its script."""
    params = raw.get("change", {}).get("params", {})
    return {name for text in _texts([raw.get("equals"), params]) for name in _PLACEHOLDER.findall(text)}


@cache
def proxy_fields() -> frozenset[str]:
    """The fields that a placeholder may name."""
    from reconciler.kinds import KINDS

    return frozenset(field.name for field in KINDS["proxy"].fields) | {"host", "os", "port", "server", "type"}


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
