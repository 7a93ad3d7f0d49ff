"""What a host is compared with what it must be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.hosts.playbook import Playbook
from reconciler.hosts.requirement import Requirement
from reconciler.hosts.wanted import is_met, look_up, observed_text, version, wanted_text
from reconciler.model.value import UNKNOWN, Unknown

_DEFAULTS: Mapping[str, Any] = {"port": 9193, "type": "workgroup"}
"""What the product takes for fields that a proxy does not declare."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A requirement that is not met, or (`unknown`) of which the host did not say whether it is.

    `path` is the fact's, `before` what was observed and `after` what is wanted, both for people. `script` with
    `params` changes it; where it is empty a person does as `manual` says. `restart` as in `Change`. With `is_advice`
    it is worth knowing and blocks nothing.
    """

    requirement: str
    path: str
    before: Any
    after: Any
    why: str
    manual: str = ""
    script: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    unknown: bool = False
    restart: bool = False
    is_advice: bool = False


def judge(playbook: Playbook, facts: Mapping[str, Any], fields: Mapping[str, Any], *, build: str = "") -> list[Finding]:
    """What is unmet, and then the advice: see both."""
    return [*unmet(playbook, facts, fields, build=build), *advice(playbook, facts, fields, build=build)]


def unmet(playbook: Playbook, facts: Mapping[str, Any], fields: Mapping[str, Any], *, build: str = "") -> list[Finding]:
    """What the host of a proxy with these `fields` must still become, in the order of the playbook.

    `build` is the product build of the server. What depends on it is unknown while the build is.
    """
    return [*_findings(playbook, facts, fields, build, is_advice=False)]


def advice(
    playbook: Playbook, facts: Mapping[str, Any], fields: Mapping[str, Any], *, build: str = ""
) -> list[Finding]:
    """What is worth knowing about the host and blocks nothing. What is unknown is left out."""
    return [item for item in _findings(playbook, facts, fields, build, is_advice=True) if not item.unknown]


def _findings(
    playbook: Playbook, facts: Mapping[str, Any], fields: Mapping[str, Any], build: str, *, is_advice: bool
) -> Iterator[Finding]:
    known = {**_DEFAULTS, **fields}
    for requirement in playbook.requirements:
        if requirement.is_advice != is_advice:
            continue
        applies = _applies(requirement.when, known, build)
        if applies is False:
            continue
        value = look_up(facts, requirement.fact)
        wanted = _filled(requirement.wanted, known)
        met = UNKNOWN if applies is UNKNOWN or value is UNKNOWN else is_met(requirement, value, wanted)
        if met is not True:
            yield _finding(requirement, value, wanted, known, unknown=met is UNKNOWN)


def _finding(requirement: Requirement, value: Any, wanted: Any, fields: Mapping[str, Any], *, unknown: bool) -> Finding:
    change = requirement.change
    return Finding(
        requirement=requirement.name,
        path=requirement.fact,
        before=None if unknown else observed_text(requirement, value, wanted),
        after=wanted_text(requirement, wanted),
        why=requirement.why,
        manual=requirement.manual,
        script=change.script if change is not None else "",
        params=_filled(change.params, fields) if change is not None else {},
        unknown=unknown,
        restart=change is not None and change.restart,
        is_advice=requirement.is_advice,
    )


def _applies(when: Mapping[str, Any], fields: Mapping[str, Any], build: str) -> bool | Unknown:
    for name, wanted in when.items():
        if name == "build":
            continue
        if fields.get(name) not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return _in_range(when["build"], build) if "build" in when else True


def _in_range(wanted: Mapping[str, str], build: str) -> bool | Unknown:
    number = version(build)
    if number is None:
        return UNKNOWN
    least, below = version(wanted.get("at_least", "0")) or (), version(wanted.get("below", ""))
    return number >= least and (below is None or number < below)


def _filled(value: Any, fields: Mapping[str, Any]) -> Any:
    """`value` with `{field}` replaced; a text that is one field and nothing else takes the field's type."""
    if isinstance(value, Mapping):
        return {key: _filled(item, fields) for key, item in value.items()}
    if isinstance(value, str) and "{" in value:
        name = value[1:-1]
        return fields[name] if value == f"{{{name}}}" and name in fields else value.format_map(fields)
    return value
