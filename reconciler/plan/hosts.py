"""Changes to hosts: the requirements of the playbooks that the observed facts do not meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.address import address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inventory import Resource
from reconciler.model.live import HostFacts
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, ReportLevel, UnknownField
from reconciler.model.steps import ChangeHost
from reconciler.model.value import digest
from reconciler.plan.passes import PlanPart
from reconciler.requirements import Playbook, UnmetRequirement, evaluate


@dataclass(frozen=True, slots=True)
class HostState:
    """The host of a proxy against what is required of it. `problem` says why it could not be observed; `unmet` are the
    requirements that are not met or not known to be, `advice` what is only recommended."""

    problem: Diagnostic | None = None
    unmet: tuple[UnmetRequirement, ...] = ()
    advice: tuple[UnmetRequirement, ...] = ()

    @property
    def hidden(self) -> list[UnmetRequirement]:
        return [item for item in self.unmet if item.unknown]

    @property
    def fixable(self) -> list[UnmetRequirement]:
        return [item for item in self.unmet if item.script and not item.unknown]

    @property
    def manual(self) -> list[UnmetRequirement]:
        return [item for item in self.unmet if not item.script and not item.unknown]

    @property
    def unfit(self) -> str:
        """Why the host cannot take a new proxy service now; empty if it can."""
        if self.problem is not None:
            return f"its host could not be observed ({self.problem.summary.lower()})"
        names = ", ".join(item.requirement for item in self.manual)
        return f"its host does not meet: {names}" if names else ""


def state_of(proxy: Resource, host: HostFacts, playbook: Playbook, build: str) -> HostState:
    """`playbook` is that of the operating system, `build` that of the server."""
    if host.problem is not None:
        return HostState(host.problem)
    found = evaluate(playbook, host.facts, proxy.fields, build=build)
    return HostState(
        unmet=tuple(item for item in found if not item.is_advice),
        advice=tuple(item for item in found if item.is_advice),
    )


def host_part(proxy: Resource, state: HostState, *, registered: bool, asleep: bool = False) -> PlanPart:
    """The change that fixes the host of a declared proxy, and what remains to be done by hand. That the host of a proxy
    which is `asleep` cannot be observed is a warning."""
    where = address("host", proxy.name)
    if state.problem is not None:
        hidden = UnknownField(where, "*", state.problem.summary.lower())
        problem = replace(state.problem, severity=Severity.WARNING) if asleep else state.problem
        return PlanPart(unknown=(hidden,), problems=(problem,))
    severity = Severity.WARNING if registered else Severity.ERROR
    return PlanPart(
        changes=(_change(proxy, state.fixable),) if state.fixable else (),
        reports=tuple(_advice(proxy, item) for item in state.advice),
        unknown=tuple(UnknownField(where, item.requirement, _why_hidden(item)) for item in state.hidden),
        problems=tuple(_requirement(proxy, item, severity) for item in state.manual),
        unchanged=0 if state.unmet else 1,
    )


def _why_hidden(item: UnmetRequirement) -> str:
    return "the server does not report its build" if item.needs_build else "the host did not report it"


def _change(proxy: Resource, fixable: list[UnmetRequirement]) -> Change:
    cause = Cause(Reason.INVENTORY, "required for every proxy host", proxy.position)
    fields = tuple(
        FieldChange(
            item.requirement, item.observed, item.required, cause=Cause(Reason.DEFAULT, item.why, proxy.position)
        )
        for item in fixable
    )
    steps = tuple(
        ChangeHost(
            host=proxy.name,
            requirement=item.requirement,
            script=item.script,
            arguments=dict(item.params),
            restart=item.restart,
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
    return f"{item.requirement} is {_text(item.observed)} (required: {_text(item.required)}): {item.why}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "missing" if value is None else str(value)
