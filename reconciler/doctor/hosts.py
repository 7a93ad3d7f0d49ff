"""One proxy host: the way to it, and whether it is fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconciler.doctor.check import Check, Level
from reconciler.doctor.stages import certificate_row, check_host_name, passed, stopped
from reconciler.model.errors import RemoteError, SecretError
from reconciler.observe.probe import read_facts, script_arguments
from reconciler.requirements import evaluate

if TYPE_CHECKING:
    from reconciler.doctor.run import CheckContext
    from reconciler.model.connection import Connection
    from reconciler.model.inventory import Resource
    from reconciler.requirements import UnmetRequirement


_TOLD_ALREADY: Final = "account.admin"
"""A fact that playbooks ask for and that has a row of its own, `rights`."""


@dataclass(slots=True)
class Asked:
    """What a host said: rows, and its facts as far as it came to that."""

    checks: list[Check]
    facts: Mapping[str, Any] = field(default_factory=dict)


def check_host(ground: CheckContext, proxy: Resource, connection: Connection) -> Asked:
    """The way to a host, until it has told its facts."""
    subject = f"host.{proxy.name}"
    asked = Asked([*check_host_name(subject, connection)])
    playbook = ground.playbooks[str(proxy.fields.get("os", "windows"))]
    arguments = script_arguments(ground.inventory, proxy)
    try:
        asked.checks += certificate_row(subject, connection, ground.access.root, ground.now)
        asked.facts = read_facts(connection, ground.context, playbook, arguments, clock=ground.clock)
    except (RemoteError, SecretError) as error:
        asked.checks += stopped(subject, error, peer=connection.peer)
    else:
        asked.checks += [*passed(subject, answer=_portrait(asked.facts)), *_account(subject, asked.facts)]
        asked.checks.append(_clock(subject, asked.facts))
    return asked


def _portrait(facts: Mapping[str, Any]) -> str:
    """The host in a few words: `Ubuntu 22.04.4 LTS, proxy service 8.5.0.1014 running`."""
    service = facts.get("service") or {}
    state = " ".join(str(part) for part in (service.get("version"), service.get("state")) if part)
    said = f"proxy service {state}" if service.get("installed") else "no proxy service"
    return f"{facts.get('os', {}).get('name') or 'an unnamed system'}, {said}"


def _account(subject: str, facts: Mapping[str, Any]) -> Iterator[Check]:
    account = facts.get("account") or {}
    user, admin = account.get("user") or "the account", account.get("admin")
    if admin is None:
        yield Check(subject, "rights", Level.UNKNOWN, f"the host did not report it whether {user} is an administrator")
    elif admin:
        yield Check(subject, "rights", Level.OK, f"{user} may change the host")
    else:
        fix = "Make the account a local administrator (Windows), or give it sudo rights and `sudo: true` (Linux)."
        yield Check(subject, "rights", Level.ERROR, f"{user} may not change the host", fix)


def _clock(subject: str, facts: Mapping[str, Any]) -> Check:
    """Only told here: how far it may be off is a requirement of the playbook."""
    off = (facts.get("clock") or {}).get("minutes_off")
    if off is None:
        return Check(subject, "clock", Level.UNKNOWN, "the host did not tell its time")
    said = "as here" if not off else f"{abs(off)} minutes {'ahead of' if off > 0 else 'behind'} this machine"
    return Check(subject, "clock", Level.OK, said)


def judge_host(
    ground: CheckContext, proxy: Resource, facts: Mapping[str, Any], build: str, *, exists: bool
) -> list[Check]:
    """The playbook's word on a host. `exists` says that its proxy is registered, so that it works as it is."""
    subject = f"host.{proxy.name}"
    playbook = ground.playbooks[str(proxy.fields.get("os", "windows"))]
    found = [item for item in evaluate(playbook, facts, proxy.fields, build=build) if item.path != _TOLD_ALREADY]
    if not found:
        return [Check(subject, "requirements", Level.OK, "all that apply are met")]
    return [_finding(subject, item, exists=exists) for item in found]


def _finding(subject: str, item: UnmetRequirement, *, exists: bool) -> Check:
    wanted = f"wanted: {_text(item.required)}"
    if item.unknown:
        return Check(subject, item.requirement, Level.UNKNOWN, f"the host did not report it; {wanted}")
    said = f"{_text(item.observed)}; {wanted}"
    if item.script:
        return Check(subject, item.requirement, Level.WARNING, said, "`vbo-reconcile apply` changes it.")
    harmless = item.is_advice or exists
    return Check(subject, item.requirement, Level.WARNING if harmless else Level.ERROR, said, item.manual)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "missing" if value is None else str(value)
