"""Comparing one fact with what is wanted, and saying both in words. Pure; `UNKNOWN` where the fact cannot be judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.hosts.requirement import Requirement
from reconciler.model.value import UNKNOWN, Unknown

_NUMBERS = re.compile(r"^\d+(?:\.\d+)*")


def look_up(facts: Mapping[str, Any], path: str) -> Any:
    """The fact at `path`; UNKNOWN where the host did not say."""
    value: Any = facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return UNKNOWN if value is None else value


def version(text: Any) -> tuple[int, ...] | None:
    """The numbers at the start of a version: 8.0.11-rc gives (8, 0, 11)."""
    found = _NUMBERS.match(str(text))
    return tuple(int(part) for part in found.group().split(".")) if found else None


def is_met(requirement: Requirement, value: Any, wanted: Any) -> bool | Unknown:
    """Whether `value` is as wanted; UNKNOWN where it is not of a kind that can be compared."""
    match requirement.operator:
        case "equals" if isinstance(wanted, Mapping):
            return _equal_parts(value, wanted)
        case "equals":
            return bool(value == wanted)
        case "one_of":
            return value in wanted
        case "at_least":
            return _at_least(value, wanted)
        case "has_version":
            return _has_version(value, wanted)
        case "within":
            return abs(value) <= wanted if isinstance(value, int | float) else UNKNOWN
    raise ValueError(f"{requirement.name} has no operator {requirement.operator!r}")


def _equal_parts(value: Any, wanted: Mapping[str, Any]) -> bool | Unknown:
    if not isinstance(value, Mapping) or any(value.get(key) is None for key in wanted):
        return UNKNOWN
    return all(value[key] == item for key, item in wanted.items())


def _at_least(value: Any, wanted: Any) -> bool | Unknown:
    if isinstance(wanted, int):
        return value >= wanted if isinstance(value, int | float) else UNKNOWN
    found, least = version(value), version(wanted)
    return UNKNOWN if found is None or least is None else found >= least


def _has_version(value: Any, wanted: str) -> bool | Unknown:
    least = version(wanted)
    if not isinstance(value, list) or least is None:
        return UNKNOWN
    found = [number for number in map(version, value) if number is not None]
    return any(number[:2] == least[:2] and number >= least for number in found)


def observed_text(requirement: Requirement, value: Any, wanted: Any) -> Any:
    """The fact as a plan shows it: the named parts of an object, a list in one line, a number with its unit."""
    if isinstance(value, Mapping) and isinstance(wanted, Mapping):
        return ", ".join(str(value[key]) for key in wanted)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) if value else None
    return f"{value} {requirement.unit}" if requirement.unit else value


def wanted_text(requirement: Requirement, wanted: Any) -> Any:
    """What is wanted as a plan shows it."""
    unit = f" {requirement.unit}" if requirement.unit else ""
    match requirement.operator:
        case "equals":
            return ", ".join(str(item) for item in wanted.values()) if isinstance(wanted, Mapping) else wanted
        case "one_of":
            return "one of " + ", ".join(str(item) for item in wanted)
        case "at_least":
            return f"{wanted}{unit} or more" if isinstance(wanted, int) else f"{wanted} or later"
        case "has_version":
            return f"{'.'.join(str(wanted).split('.')[:2])}.x, {wanted} or later"
        case _:
            return f"at most {wanted}{unit} either way"
