"""Changes to hosts: what the playbooks ask for and the probe did not find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.address import address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, ReportLevel, Step, UnknownField
from reconciler.model.value import digest
from reconciler.plan.objects import Findings
from reconciler.requirements import Playbook, UnmetRequirement, evaluate


def plan_hosts(
    inventory: Inventory, live: Live, playbooks: Mapping[str, Playbook], findings: Findings
) -> dict[str, str]:
    """Add the changes of the hosts. Returns, by proxy, why its host cannot take a new proxy service now."""
    unfit: dict[str, str] = {}
    for proxy in inventory.of_kind("proxy"):
        facts = live.hosts.get(proxy.name)
        if facts is None:
            continue
        if facts.problem is not None:
            findings.problems.append(facts.problem)
            findings.unknown.append(UnknownField(address("host", proxy.name), "*", facts.problem.summary.lower()))
            unfit[proxy.name] = f"its host could not be observed ({facts.problem.summary.lower()})"
            continue
        playbook = playbooks[str(proxy.fields.get("os", "windows"))]
        found = evaluate(playbook, facts.facts, proxy.fields, build=live.server.build)
        reason = _plan_host(proxy, found, findings, exists=proxy.address in live.resources)
        if reason:
            unfit[proxy.name] = reason
    return unfit


def _plan_host(proxy: Resource, evaluated: list[UnmetRequirement], findings: Findings, *, exists: bool) -> str:
    where = address("host", proxy.name)
    findings.reports += [_advice(proxy, item) for item in evaluated if item.is_advice]
    found = [item for item in evaluated if not item.is_advice]
    hidden = [item for item in found if item.unknown]
    findings.unknown += [UnknownField(where, item.requirement, "the host did not say") for item in hidden]
    fixable = [item for item in found if item.script and not item.unknown]
    manual = [item for item in found if not item.script and not item.unknown]
    for item in manual:
        severity = Severity.WARNING if exists else Severity.ERROR
        findings.problems.append(_requirement(proxy, item, severity))
    if fixable:
        findings.changes.append(_change(proxy, fixable))
    elif not found:
        findings.unchanged += 1
    return f"its host does not meet: {', '.join(item.requirement for item in manual)}" if manual else ""


def _change(proxy: Resource, fixable: list[UnmetRequirement]) -> Change:
    cause = Cause(Reason.INVENTORY, "required of a proxy host", proxy.position)
    fields = tuple(
        FieldChange(
            item.requirement, item.observed, item.required, cause=Cause(Reason.DEFAULT, item.why, proxy.position)
        )
        for item in fixable
    )
    steps = tuple(
        Step(
            "host.change",
            {
                "host": proxy.name,
                "requirement": item.requirement,
                "script": item.script,
                "params": dict(item.params),
                **({"restart": True} if item.restart else {}),
            },
        )
        for item in fixable
    )
    observed = {item.requirement: [item.observed, item.sha256] for item in fixable}  # and what would be run
    return Change(address("host", proxy.name), Action.UPDATE, fields, cause, steps, precondition=digest(observed))


def _requirement(proxy: Resource, item: UnmetRequirement, severity: Severity) -> Diagnostic:
    return Diagnostic(
        code=f"host-{item.requirement}",
        summary="Host requirement not met",
        detail=_sentence(item),
        fix=item.manual,
        severity=severity,
        position=proxy.position,
        address=address("host", proxy.name),
    )


def _advice(proxy: Resource, item: UnmetRequirement) -> Report:
    where = address("host", proxy.name)
    return Report(where, f"host-{item.requirement}", _sentence(item), proxy.position, ReportLevel.WARNING, item.manual)


def _sentence(item: UnmetRequirement) -> str:
    return f"{item.requirement} is {_text(item.observed)}, and {_text(item.required)} is wanted: {item.why}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "missing" if value is None else str(value)
