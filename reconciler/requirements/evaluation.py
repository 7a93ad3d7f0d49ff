"""Compares the facts of a host with the requirements of a playbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.model.value import UNKNOWN, Unknown
from reconciler.model.version import version_numbers
from reconciler.requirements.facts import bounded
from reconciler.requirements.playbook import Playbook
from reconciler.requirements.requirement import Requirement, expand

_DEFAULTS: Final[Mapping[str, Any]] = {"port": 9193, "type": "workgroup", "service.install": "push"}
"""The product's defaults for fields that a proxy does not declare."""


@dataclass(frozen=True, slots=True)
class UnmetRequirement:
    """A requirement that a host does not meet, or (`unknown`) that cannot be evaluated because a fact is missing.

    `path` is the path of the fact; `observed` and `required` are the two values as a plan shows them. `script` with
    `params` is the remedy; if it is empty, `manual` describes the fix. `restart` and `is_advice` are those of the
    requirement. `sha256` is the digest of the script, so that the approved script is the one that runs. `needs_build`:
    it is unknown because the build of the server is.
    """

    requirement: str
    path: str
    observed: Any
    required: Any
    why: str
    manual: str = ""
    script: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    unknown: bool = False
    restart: bool = False
    is_advice: bool = False
    sha256: str = ""
    needs_build: bool = False


def evaluate(
    playbook: Playbook, facts: Mapping[str, Any], fields: Mapping[str, Any], *, build: str = ""
) -> list[UnmetRequirement]:
    """The requirements that the host of a proxy with these `fields` does not meet, in the order of the playbook; those
    of level `advice` at the end, without the ones that are unknown.

    `build` is the product build of the server. Requirements that depend on it are unknown while it is empty.
    """
    found = [*_evaluate(playbook, facts, fields, build)]
    needed = (item for item in found if not item.is_advice)
    return [*needed, *(item for item in found if item.is_advice and not item.unknown)]


def _evaluate(
    playbook: Playbook, facts: Mapping[str, Any], fields: Mapping[str, Any], build: str
) -> Iterator[UnmetRequirement]:
    server = _fact(facts, "server.name")
    known = {**_DEFAULTS, **fields, "server": "" if server is UNKNOWN else str(server)}
    for requirement in playbook.requirements:
        applies = _applies(requirement.when, known, build)
        if applies is False:
            continue
        value = _fact(facts, requirement.fact)
        operand = expand(requirement.operand, known)
        met = UNKNOWN if applies is UNKNOWN or value is UNKNOWN else _is_met(requirement, value, operand)
        if met is not True:
            yield _unmet(
                playbook, requirement, value, operand, known, unknown=met is UNKNOWN, needs_build=applies is UNKNOWN
            )


def _unmet(
    playbook: Playbook,
    requirement: Requirement,
    value: Any,
    operand: Any,
    fields: Mapping[str, Any],
    *,
    unknown: bool,
    needs_build: bool,
) -> UnmetRequirement:
    remedy = requirement.remedy
    return UnmetRequirement(
        requirement=requirement.name,
        path=requirement.fact,
        observed=None if unknown else bounded(_observed_text(requirement, value, operand)),
        required=_required_text(requirement, operand),
        why=requirement.why,
        manual=requirement.manual,
        script=remedy.script if remedy is not None else "",
        params=expand(remedy.params, fields) if remedy is not None else {},
        unknown=unknown,
        restart=remedy is not None and remedy.restart,
        is_advice=requirement.is_advice,
        sha256=playbook.scripts[remedy.script].digest
        if remedy is not None and remedy.script in playbook.scripts
        else "",
        needs_build=needs_build,
    )


def _applies(when: Mapping[str, Any], fields: Mapping[str, Any], build: str) -> bool | Unknown:
    for name, allowed in when.items():
        if name == "build":
            continue
        if fields.get(name) not in (allowed if isinstance(allowed, list) else [allowed]):
            return False
    return _in_range(when["build"], build) if "build" in when else True


def _in_range(limits: Mapping[str, str], build: str) -> bool | Unknown:
    number = version_numbers(build)
    if not number:
        return UNKNOWN
    least, below = version_numbers(limits.get("at_least", "0")), version_numbers(limits.get("below", ""))
    return number >= least and (not below or number < below)


def _fact(facts: Mapping[str, Any], path: str) -> Any:
    """The fact at `path`, UNKNOWN if the host does not report it."""
    value: Any = facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return UNKNOWN if value is None else value


def _is_met(requirement: Requirement, value: Any, operand: Any) -> bool | Unknown:
    """UNKNOWN if `value` is not of a type that the operator can compare."""
    match requirement.operator:
        case "equals" if isinstance(operand, dict):
            return _equal_parts(value, operand)
        case "equals":
            return bool(value == operand)
        case "one_of":
            return value in operand
        case "at_least":
            return _at_least(value, operand)
        case "has_version":
            return _has_version(value, operand)
        case "within":
            return abs(value) <= operand if isinstance(value, int | float) else UNKNOWN
    raise ValueError(f"{requirement.name} has no operator {requirement.operator!r}")


def _equal_parts(value: Any, operand: Mapping[str, Any]) -> bool | Unknown:
    if not isinstance(value, dict) or any(value.get(key) is None for key in operand):
        return UNKNOWN
    return all(value[key] == item for key, item in operand.items())


def _at_least(value: Any, operand: Any) -> bool | Unknown:
    if isinstance(operand, int):
        return value >= operand if isinstance(value, int | float) else UNKNOWN
    found, least = version_numbers(str(value)), version_numbers(str(operand))
    return found >= least if found and least else UNKNOWN


def _has_version(value: Any, operand: str) -> bool | Unknown:
    least = version_numbers(operand)
    if not isinstance(value, list) or not least:
        return UNKNOWN
    found = [version_numbers(str(item)) for item in value]
    return any(number[:2] == least[:2] and number >= least for number in found)


def _observed_text(requirement: Requirement, value: Any, operand: Any) -> Any:
    """The fact as a plan shows it: the compared parts of an object, a list in one line, a number with its unit."""
    if isinstance(value, dict) and isinstance(operand, dict):
        return ", ".join(str(value[key]) for key in operand)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) if value else None
    return f"{value} {requirement.unit}" if requirement.unit else value


def _required_text(requirement: Requirement, operand: Any) -> Any:
    """The operand as a plan shows it."""
    unit = f" {requirement.unit}" if requirement.unit else ""
    match requirement.operator:
        case "equals":
            return ", ".join(str(item) for item in operand.values()) if isinstance(operand, Mapping) else operand
        case "one_of":
            return "one of " + ", ".join(str(item) for item in operand)
        case "at_least":
            return f"{operand}{unit} or more" if isinstance(operand, int) else f"{operand} or later"
        case "has_version":
            return f"{'.'.join(str(operand).split('.')[:2])}.x, {operand} or later"
        case _:
            return f"within {operand}{unit}"
