"""One requirement of a playbook, as data. See `schemas/playbook.schema.json` for what each part means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OPERATORS: Final = ("equals", "at_least", "one_of", "has_version", "within")
"""How a fact can be compared with what is wanted; each requirement uses one."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changes a fact: a script of the playbooks with its parameters, in which `{field}` is a field of the proxy.

    `restart` says that the change counts only after the host was restarted.
    """

    script: str
    params: Mapping[str, Any] = field(default_factory=dict)
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Requirement:
    """`fact` is a path in the facts, `operator` one of OPERATORS, `wanted` its operand. Either `change` mends it, or a
    person does as `manual` says. With `is_advice` it is worth knowing and blocks nothing."""

    name: str
    fact: str
    operator: str
    wanted: Any
    why: str
    when: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    manual: str = ""
    change: Change | None = None
    is_advice: bool = False

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Requirement:
        """From an entry of `requirements` that fits the schema."""
        operator = next(name for name in OPERATORS if name in raw)
        change = raw.get("change")
        return cls(
            name=raw["name"],
            fact=raw["fact"],
            operator=operator,
            wanted=raw[operator],
            why=raw["why"],
            when=raw.get("when", {}),
            unit=raw.get("unit", ""),
            manual=raw.get("manual", ""),
            change=Change(change["script"], change.get("params", {}), change.get("restart", False)) if change else None,
            is_advice=raw.get("level") == "advice",
        )
