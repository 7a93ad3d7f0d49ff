"""Enables and disables jobs, by the actions of the API."""

from __future__ import annotations

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.objects import few
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.kinds import KINDS
from reconciler.kinds.put_requests import side_effects
from reconciler.kinds.typed import typed
from reconciler.model.steps import SwitchJob
from reconciler.model.value import UNKNOWN


@runs(SwitchJob)
def switch(context: ApplyContext, step: SwitchJob, report: Reporter) -> str | None:
    """Enable or disable a job, then read it back: nothing else may differ from what the first attempt read."""
    kind = KINDS[step.kind]
    field, path = kind.field("enabled"), context.path_of(kind.name, step.name)
    raw = context.reader.get(path)
    before = context.first_reads.setdefault(path, raw)
    shown = field.from_api(typed(kind, context.reader.rest, raw), context.naming)
    if shown is UNKNOWN:
        raise StepFailed("nothing was sent: the server does not show whether it is enabled")
    if shown != step.enabled:
        context.writer.act(path, "enable" if step.enabled else "disable")
        raw = context.reader.get(path)
    del context.first_reads[path]
    if field.from_api(typed(kind, context.reader.rest, raw), context.naming) != step.enabled:
        raise StepFailed(f"the server accepted it, and the job is still {'disabled' if step.enabled else 'enabled'}")
    if effects := side_effects(kind, before, raw, {field.api: step.enabled}):
        raise StepFailed(f"the change is made, and more differs than the plan shows: {few(effects)}")
    return None
