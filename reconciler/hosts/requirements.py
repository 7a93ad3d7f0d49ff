"""What a host is compared with what it must be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.hosts.filling import filled
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
    it is worth knowing and blocks nothing. `sha256` is that of the script, so that no other is run than was approved.
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
    sha256: str = ""


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
        wanted = filled(requirement.wanted, known)
        met = UNKNOWN if applies is UNKNOWN or value is UNKNOWN else is_met(requirement, value, wanted)
        if met is not True:
            yield _finding(playbook, requirement, value, wanted, known, unknown=met is UNKNOWN)


def _finding(
    playbook: Playbook, requirement: Requirement, value: Any, wanted: Any, fields: Mapping[str, Any], *, unknown: bool
) -> Finding:
    change = requirement.change
    return Finding(
        requirement=requirement.name,
        path=requirement.fact,
        before=None if unknown else observed_text(requirement, value, wanted),
        after=wanted_text(requirement, wanted),
        why=requirement.why,
        manual=requirement.manual,
        script=change.script if change is not None else "",
        params=filled(change.params, fields) if change is not None else {},
        unknown=unknown,
        restart=change is not None and change.restart,
        is_advice=requirement.is_advice,
        sha256=playbook.scripts[change.script].digest
        if change is not None and change.script in playbook.scripts
        else "",
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
